/** `GET /images/{name}/explore`. */
import type { Readable } from 'node:stream';
import type { ImageExploration } from '#wire/explore.ts';
import { exploreLayers } from './explore.ts';
import { type ImageParts, WorkingSet } from './image-parts.ts';
import type { ImageRecord } from './image-record.ts';

/** The image's blobs and layers stay protected until it is done. */
export async function exploreImage(
  parts: ImageParts,
  record: ImageRecord,
  options: { readonly withFiles: boolean; readonly signal?: AbortSignal },
): Promise<ImageExploration> {
  const { layers } = parts;
  // Whoever removes the image meanwhile leaves its parts to this.
  await using work = new WorkingSet(parts);
  work.lease.protect(record.id, ...record.layers.flatMap(({ blob, diffId }) => [blob, diffId]));
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
