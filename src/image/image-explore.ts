import type { Readable } from 'node:stream';
import type { LayerStore } from '#layer/layer.ts';
import type { ImageExploration } from './image-exploration.ts';
import { exploreLayers } from './explore.ts';
import type { WorkingSets } from './working-sets.ts';
import type { ImageRecord } from './image-record.ts';

export interface ExploreRoles {
  readonly layers: LayerStore;
  readonly workingSets: WorkingSets;
}

/** The image's blobs and layers stay protected until it is done. */
export async function exploreImage(
  { layers, workingSets }: ExploreRoles,
  record: ImageRecord,
  options: { readonly withFiles: boolean; readonly signal?: AbortSignal },
): Promise<ImageExploration> {
  // The parts of an image that is removed meanwhile are deleted when this lease ends.
  await using lease = workingSets.open();
  lease.protect(record.id, ...record.layers.flatMap(({ blob, diffId }) => [blob, diffId]));
  const commands = record.config.history
    .filter((step) => !step.empty_layer)
    .map((step) => step.created_by ?? '');
  const toExplore = record.layers.map(({ diffId }, index) => ({
    diffId,
    command: commands[index] ?? '',
    tar: chunksOf(() => layers.read(diffId), options.signal),
  }));
  return await exploreLayers(record.id, toExplore, options);
}

/** Opens the layer only when it is its turn. */
async function* chunksOf(open: () => Promise<Readable>, signal?: AbortSignal): AsyncGenerator<Buffer, void> {
  signal?.throwIfAborted();
  const tar = await open();
  const onAbort = () => tar.destroy(new Error('cancelled'));
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    yield* tar as AsyncIterable<Buffer>;
  } finally {
    signal?.removeEventListener('abort', onAbort);
    tar.destroy();
  }
}
