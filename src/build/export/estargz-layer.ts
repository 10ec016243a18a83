/** Layers as eStargz: `compression=estargz`. */
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import type { ImageLayer } from '#image/image-record.ts';
import { readTar } from '#oci/tar-stream.ts';
import type { Lease } from '#store/content.ts';
import type { BuildParts } from '../build-parts.ts';
import { encodeEstargz } from './estargz.ts';
import { FOOTER_BYTES, tocOffsetIn } from './estargz-footer.ts';
import { TOC_NAME } from './estargz-toc.ts';

const TABLE_BYTES = 256 << 20;

const decompress = promisify(gunzip);

export interface EstargzOptions {
  /** Also layers that came compressed in another way. */
  readonly force: boolean;
  readonly level?: number;
  /** Protects what is made. */
  readonly lease: Lease;
  readonly signal: AbortSignal;
}

let conversions = 0;

/**
 * Another layer with the same files: what its table of contents adds behind the end of the archive is part of its diff
 * ID. One that came compressed stays as it is, unless `force` says otherwise. What is made is kept in the build cache.
 */
export async function estargzLayer(
  parts: BuildParts,
  layer: ImageLayer,
  { force, level, lease, signal }: EstargzOptions,
): Promise<ImageLayer> {
  if (layer.compression !== 'none' && (!force || (await estargzAnnotations(parts, layer)))) return layer;
  const key = createHash('sha256').update(`estargz ${layer.diffId} ${level}`).digest('hex');
  const known = parts.cache.get(key)?.layer;
  if (known && parts.layers.get(known.diffId)) {
    lease.protect(known.diffId, known.blob);
    return known;
  }
  await using writer = await parts.content.openWriter(`estargz-${++conversions}`, { lease, signal });
  const tar = await parts.layers.read(layer.diffId);
  for await (const chunk of encodeEstargz(tar, level)) await writer.write(chunk);
  const { digest: blob } = await writer.commit();
  const { diffId } = await parts.layers.unpack({ blob, compression: 'gzip', signal });
  lease.protect(diffId);
  const made: ImageLayer = { diffId, blob, compression: 'gzip' };
  parts.cache.set(key, { layer: made, createdAtMs: Date.now() });
  return made;
}

/** By which snapshotters know such a layer, and verify its table; undefined for another layer. */
export async function estargzAnnotations(
  { content, layers }: BuildParts,
  { diffId, blob, compression }: ImageLayer,
): Promise<Readonly<Record<string, string>> | undefined> {
  const stat = await content.stat(blob);
  if (compression !== 'gzip' || !stat || stat.sizeBytes < FOOTER_BYTES) return undefined;
  const read = async (offset: number, lengthBytes: number) =>
    Buffer.concat(await content.read(blob, { offset, lengthBytes }).toArray());
  const footerAt = stat.sizeBytes - FOOTER_BYTES;
  const offset = tocOffsetIn(await read(footerAt, FOOTER_BYTES));
  if (offset === undefined || offset >= footerAt) return undefined;
  const table = await tableIn(await read(offset, footerAt - offset));
  if (!table) return undefined;
  let sizeBytes = 0;
  const tar: AsyncIterable<Buffer> = await layers.read(diffId);
  for await (const chunk of tar) sizeBytes += chunk.length;
  return {
    'containerd.io/snapshot/stargz/toc.digest': `sha256:${createHash('sha256').update(table).digest('hex')}`,
    'io.containers.estargz.uncompressed-size': String(sizeBytes),
  };
}

async function tableIn(member: Buffer): Promise<Buffer | undefined> {
  const data: Buffer[] = [];
  let name: string | undefined;
  const tar = await decompress(member, { maxOutputLength: TABLE_BYTES });
  for await (const event of readTar(Readable.from([tar]))) {
    if (event.kind === 'entry') name ??= event.entry.path;
    else if (event.kind === 'data') data.push(Buffer.from(event.data));
  }
  return name === TOC_NAME ? Buffer.concat(data) : undefined;
}
