/** Layers whose files are no younger than an instant: `rewrite-timestamp=true`. */
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import type { ImageLayer } from '#image/image-record.ts';
import { readTar } from '#oci/tar-stream.ts';
import { encodeHeader, END_OF_ARCHIVE, paddingFor } from '#oci/tar-writer.ts';
import type { TarEntry } from '#oci/tar-header.ts';
import type { Lease } from '#store/content.ts';
import type { Packing } from './packing.ts';

const SECOND_NS = 1_000_000_000n;

export interface RewriteOptions {
  /** Seconds since 1970. */
  readonly epoch: number;
  /** Protects what is made. */
  readonly lease: Lease;
  readonly signal: AbortSignal;
}

/** The layer itself where nothing in it is younger. What is made is kept in the build cache. */
export async function rewriteLayer(
  { cache, layers, images }: Packing,
  layer: ImageLayer,
  { epoch, lease, signal }: RewriteOptions,
): Promise<ImageLayer> {
  const key = createHash('sha256').update(`rewrite ${layer.diffId} ${epoch}`).digest('hex');
  const known = cache.get(key)?.layer;
  if (known && layers.get(known.diffId)) {
    lease.protect(known.diffId, known.blob);
    return known;
  }
  const tar = Readable.from(clampTimes(await layers.read(layer.diffId), epoch), { objectMode: false });
  const rewritten = (await images.addLayer(tar, { lease, signal })) ?? layer;
  cache.set(key, { layer: rewritten, createdAtMs: Date.now() });
  return rewritten;
}

/** The same archive, its members' times not after `epoch` and in whole seconds. */
async function* clampTimes(tar: AsyncIterable<Buffer>, epoch: number): AsyncGenerator<Buffer, void> {
  let sizeBytes = 0;
  for await (const event of readTar(tar)) {
    if (event.kind === 'entry') {
      sizeBytes = event.entry.type === 'file' ? event.entry.sizeBytes : 0;
      yield encodeHeader(clamped(event.entry, BigInt(epoch) * SECOND_NS));
    } else if (event.kind === 'data') yield event.data;
    else yield paddingFor(sizeBytes);
  }
  yield END_OF_ARCHIVE;
}

function clamped(entry: TarEntry, latestNs: bigint): TarEntry {
  const { mtimeNs } = entry;
  return { ...entry, mtimeNs: mtimeNs > latestNs ? latestNs : mtimeNs - (mtimeNs % SECOND_NS) };
}
