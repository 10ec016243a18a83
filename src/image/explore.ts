/** What each layer of an image adds, changes and removes, and how much of it is for nothing. */
import { TarParser } from '#oci/tar-reader.ts';
import type { ExploredFile, ExploredLayer, ImageExploration } from '#wire/explore.ts';
import { ExploreTree } from './explore-tree.ts';

/** More than anyone will read. */
const MAXIMUM_WASTED = 1000;

export interface LayerToExplore {
  readonly diffId: string;
  readonly command: string;
  /** Uncompressed; read once, and not kept. */
  readonly tar: AsyncIterable<Buffer>;
}

/**
 * Reads the layers' headers, bottom first. Memory is bounded by the number of files, whatever their size.
 *
 * @throws {EngineError} `invalid` for malformed tars, `exhausted` for too many files
 */
export async function exploreLayers(
  id: string,
  layers: readonly LayerToExplore[],
  options: { readonly withFiles: boolean },
): Promise<ImageExploration> {
  const tree = new ExploreTree();
  for (const { tar } of layers) {
    tree.beginLayer();
    await addLayer(tree, tar);
  }
  const explored = tree.tallies.map(({ sizeBytes, wastedBytes, files }, index): ExploredLayer => {
    const { diffId = '', command = '' } = layers[index] ?? {};
    const list = [...files.values()].toSorted(byPath);
    const count = (kind: ExploredFile['Kind']) => list.filter(({ Kind }) => Kind === kind).length;
    return {
      DiffId: diffId,
      Command: command,
      Size: sizeBytes,
      WastedSize: wastedBytes,
      Added: count('added'),
      Changed: count('changed'),
      Removed: count('removed'),
      ...(options.withFiles ? { Files: list } : {}),
    };
  });
  const size = explored.reduce((sum, { Size }) => sum + Size, 0);
  const wasted = explored.reduce((sum, { WastedSize }) => sum + WastedSize, 0);
  return {
    Id: id,
    Size: size,
    WastedSize: wasted,
    Efficiency: size === 0 ? 1 : (size - wasted) / size,
    Layers: explored,
    Wasted: tree.wastedPaths(MAXIMUM_WASTED),
  };
}

async function addLayer(tree: ExploreTree, tar: AsyncIterable<Buffer>): Promise<void> {
  const parser = new TarParser();
  for await (const chunk of tar) {
    parser.push(chunk);
    for (let event = parser.next(); event; event = parser.next())
      if (event.kind === 'entry') tree.add(event.entry);
  }
  parser.finish();
}

function byPath(a: ExploredFile, b: ExploredFile): number {
  return a.Path < b.Path ? -1 : a.Path > b.Path ? 1 : 0;
}
