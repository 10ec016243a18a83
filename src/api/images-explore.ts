/** `GET /images/{name}/explore`: an extension of ours, so that clients of Docker's API never meet it. */
import type { ExploredLayer, ImageExploration } from '#image/image-exploration.ts';
import type { ExploredLayer as WireLayer, ImageExploration as WireExploration } from '#wire/explore.ts';
import { sendJson } from './respond.ts';
import { get, type Route } from './route.ts';

export const imageExploreRoutes: readonly Route[] = [
  get('/images/:name*/explore', async (exchange) => {
    const { signal } = exchange;
    const withFiles = exchange.text('files') === '' || exchange.flag('files');
    const exploration = await exchange.engine.images.explore(exchange.param('name'), { withFiles, signal });
    sendJson(exchange, 200, encodeExploration(exploration));
  }),
];

function encodeExploration(exploration: ImageExploration): WireExploration {
  return {
    Id: exploration.id,
    Size: exploration.sizeBytes,
    WastedSize: exploration.wastedBytes,
    Efficiency: exploration.efficiency,
    Layers: exploration.layers.map(encodeLayer),
    Wasted: exploration.wasted.map(({ path, sizeBytes, count }) => ({
      Path: path,
      Size: sizeBytes,
      Count: count,
    })),
  };
}

function encodeLayer(layer: ExploredLayer): WireLayer {
  return {
    DiffId: layer.diffId,
    Command: layer.command,
    Size: layer.sizeBytes,
    WastedSize: layer.wastedBytes,
    Added: layer.added,
    Changed: layer.changed,
    Removed: layer.removed,
    ...(layer.files && {
      Files: layer.files.map(({ path, kind, type, sizeBytes }) => ({
        Path: path,
        Kind: kind,
        Type: type,
        Size: sizeBytes,
      })),
    }),
  };
}
