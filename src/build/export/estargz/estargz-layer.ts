/** Layers as eStargz: `compression=estargz`. */
import { createHash } from 'node:crypto';
import { pipeline, Readable } from 'node:stream';
import { promisify } from 'node:util';
import { createGunzip, gunzip } from 'node:zlib';
import { EngineError } from '#base/errors.ts';
import type { ImageLayer } from '#image/image-record.ts';
import type { Digest } from '#oci/digest.ts';
import { readTar } from '#oci/tar-stream.ts';
import type { ContentStore, Lease } from '#store/content.ts';
import type { Packing } from '../pack/packing.ts';
import { encodeEstargz } from './estargz.ts';
import { FOOTER_BYTES, tocOffsetIn } from './estargz-footer.ts';
import { TOC_NAME } from './estargz-toc.ts';

const TABLE_BYTES = 256 << 20;

const decompress = promisify(gunzip);

export interface EstargzOptions {
  /** Converts layers that came compressed in another way, too. */
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
  packing: Packing,
  layer: ImageLayer,
  { force, level, lease, signal }: EstargzOptions,
): Promise<ImageLayer> {
  if (layer.compression !== 'none' && (!force || (await estargzAnnotations(packing, layer)))) return layer;
  const key = createHash('sha256').update(`estargz ${layer.diffId} ${level}`).digest('hex');
  const known = packing.cache.get(key)?.layer;
  if (known && packing.layers.get(known.diffId)) {
    lease.protect(known.diffId, known.blob);
    return known;
  }
  await using writer = await packing.content.openWriter(`estargz-${++conversions}`, { lease, signal });
  const tar = await packing.layers.read(layer.diffId);
  for await (const chunk of encodeEstargz(tar, level)) await writer.write(chunk);
  const { digest: blob } = await writer.commit();
  const { diffId } = await packing.layers.unpack({ blob, compression: 'gzip', signal });
  lease.protect(diffId);
  const made: ImageLayer = { diffId, blob, compression: 'gzip' };
  packing.cache.set(key, { layer: made, createdAtMs: Date.now() });
  return made;
}

/**
 * The layer that an eStargz one was made of: before its table, the archive is as it was, byte for byte.
 *
 * @param diffId that of the archive; the lease protects it
 * @throws {EngineError} `invalid` if it is not in there
 */
export async function archiveOfEstargz(
  { content, layers }: Pick<Packing, 'content' | 'layers'>,
  { blob }: ImageLayer,
  diffId: Digest,
  { lease, signal }: Pick<EstargzOptions, 'lease' | 'signal'>,
): Promise<ImageLayer> {
  const place = await placeOfTable(content, blob);
  if (!place) throw new EngineError('invalid', `Cannot read layer ${blob}: it is not eStargz`);
  await using writer = await content.openWriter(`estargz-${++conversions}`, { lease, signal });
  const members = content.read(blob, { offset: 0, lengthBytes: place.offset });
  const archive = pipeline(members, createGunzip(), () => undefined);
  for await (const chunk of archive) await writer.write(chunk);
  await writer.commit({ digest: diffId });
  await layers.unpack({ blob: diffId, compression: 'none', signal });
  lease.protect(diffId);
  return { diffId, blob: diffId, compression: 'none' };
}

/** The annotations by which snapshotters recognize such a layer and verify its table; undefined for another layer. */
export async function estargzAnnotations(
  { content, layers }: Pick<Packing, 'content' | 'layers'>,
  { diffId, blob, compression }: ImageLayer,
): Promise<Readonly<Record<string, string>> | undefined> {
  const place = compression === 'gzip' ? await placeOfTable(content, blob) : undefined;
  const table = place && (await tableIn(await bytesOf(content, blob, place)));
  if (!table) return undefined;
  let sizeBytes = 0;
  const tar: AsyncIterable<Buffer> = await layers.read(diffId);
  for await (const chunk of tar) sizeBytes += chunk.length;
  return {
    'containerd.io/snapshot/stargz/toc.digest': `sha256:${createHash('sha256').update(table).digest('hex')}`,
    'io.containers.estargz.uncompressed-size': String(sizeBytes),
  };
}

interface Place {
  readonly offset: number;
  readonly lengthBytes: number;
}

/** As the footer has it; undefined without one. */
async function placeOfTable(content: ContentStore, blob: Digest): Promise<Place | undefined> {
  const stat = await content.stat(blob);
  if (!stat || stat.sizeBytes < FOOTER_BYTES) return undefined;
  const footerAt = stat.sizeBytes - FOOTER_BYTES;
  const offset = tocOffsetIn(await bytesOf(content, blob, { offset: footerAt, lengthBytes: FOOTER_BYTES }));
  return offset === undefined || offset >= footerAt ? undefined : { offset, lengthBytes: footerAt - offset };
}

async function bytesOf(content: ContentStore, blob: Digest, place: Place): Promise<Buffer> {
  return Buffer.concat(await content.read(blob, place).toArray());
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
