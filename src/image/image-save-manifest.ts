import { createHash } from 'node:crypto';
import type { Descriptor } from '#oci/descriptor.ts';
import { type Digest, parseDigest } from '#oci/digest.ts';
import type { Manifest } from '#oci/manifest.ts';
import { type LayerCompression, MEDIA_TYPES } from '#oci/media-types.ts';
import type { ContentReader } from '#store/content.ts';
import type { StoredManifest } from './image-manifests.ts';
import type { ImageRecord } from './image-record.ts';

const LAYER_TYPES: Readonly<Record<LayerCompression, string>> = {
  none: MEDIA_TYPES.ociLayer,
  gzip: MEDIA_TYPES.ociLayerGzip,
  zstd: MEDIA_TYPES.ociLayerZstd,
};

/** The manifest of an image as it lies here; an image that came with none, or not whole, is saved with it. */
export async function manifestToSave(
  record: ImageRecord,
  content: ContentReader,
): Promise<StoredManifest & { readonly manifest: Manifest }> {
  const sizeOf = async (digest: Digest) => (await content.stat(digest))?.sizeBytes ?? 0;
  const layers = record.layers.map(async ({ blob, compression }): Promise<Descriptor> => {
    return { mediaType: LAYER_TYPES[compression], digest: blob, size: await sizeOf(blob) };
  });
  const manifest: Manifest = {
    schemaVersion: 2,
    mediaType: MEDIA_TYPES.ociManifest,
    config: { mediaType: MEDIA_TYPES.ociConfig, digest: record.id, size: await sizeOf(record.id) },
    layers: await Promise.all(layers),
  };
  const bytes = Buffer.from(JSON.stringify(manifest));
  const digest = parseDigest(`sha256:${createHash('sha256').update(bytes).digest('hex')}`);
  return { mediaType: MEDIA_TYPES.ociManifest, digest, content: bytes, manifest };
}
