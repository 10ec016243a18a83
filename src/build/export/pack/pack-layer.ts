/** Layers as blobs that leave the engine. */
import { pipeline, type Readable } from 'node:stream';
import { createGzip, createZstdCompress } from 'node:zlib';
import type { ImageLayer } from '#image/image-record.ts';
import type { LayerCompression } from '#oci/media-types.ts';
import type { Lease } from '#store/content.ts';
import type { Packing } from './packing.ts';

/** What `compression=` may say of plain layers. */
export const COMPRESSIONS = ['uncompressed', 'gzip', 'zstd'] as const;

export const COMPRESSION_OF: Readonly<Record<(typeof COMPRESSIONS)[number], LayerCompression>> = {
  uncompressed: 'none',
  gzip: 'gzip',
  zstd: 'zstd',
};

export interface LayerPackingOptions {
  readonly compression: LayerCompression;
  /** Converts layers that came compressed in another way, too. */
  readonly force: boolean;
  readonly level?: number;
  /** Protects the blobs. */
  readonly lease: Lease;
  readonly signal: AbortSignal;
}

/** A layer that came compressed goes out as it came, unless `force` says otherwise. */
export async function packLayer(
  packing: Packing,
  layer: ImageLayer,
  options: LayerPackingOptions,
): Promise<ImageLayer> {
  const { compression, force, level, lease, signal } = options;
  lease.protect(layer.diffId, layer.blob);
  if (layer.compression === compression || (layer.compression !== 'none' && !force)) return layer;
  const packed =
    compression === 'gzip' && level === undefined
      ? await packing.images.packLayer(layer.diffId, signal)
      : await convert(packing, layer, options);
  lease.protect(packed.blob);
  return packed;
}

let conversions = 0;

async function convert(
  { layers, content }: Packing,
  { diffId }: ImageLayer,
  { compression, level, lease, signal }: LayerPackingOptions,
): Promise<ImageLayer> {
  await using writer = await content.openWriter(`export-${++conversions}`, { lease, signal });
  const tar = await layers.read(diffId);
  for await (const chunk of compressed(tar, compression, level)) await writer.write(chunk);
  const { digest: blob } = await writer.commit();
  return { diffId, blob, compression };
}

function compressed(
  tar: Readable,
  compression: LayerCompression,
  level: number | undefined,
): AsyncIterable<Buffer> {
  if (compression === 'none') return tar;
  const packer =
    compression === 'gzip'
      ? createGzip(level === undefined ? {} : { level })
      : createZstdCompress(level === undefined ? {} : { params: { [ZSTD_LEVEL]: level } });
  // Its errors become the packer's, which is read.
  return pipeline(tar, packer, () => undefined);
}

/** ZSTD_c_compressionLevel (zstd.h). */
const ZSTD_LEVEL = 100;
