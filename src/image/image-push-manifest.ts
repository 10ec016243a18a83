/** The manifest to push: one that the image came with, if the registry can have it, or a new one. */
import { createHash } from 'node:crypto';
import type { Descriptor } from '#oci/descriptor.ts';
import { type Digest, parseDigest } from '#oci/digest.ts';
import { decodeManifest, type Manifest } from '#oci/manifest.ts';
import { isIndexType, type LayerCompression, MEDIA_TYPES } from '#oci/media-types.ts';
import type { Repository } from '#registry/registry.ts';
import type { ContentReader } from '#store/content.ts';
import type { StoredManifest } from './image-manifests.ts';
import type { ImageLayer, ImageRecord } from './image-record.ts';

const DOCKER_LAYERS: Readonly<Record<Exclude<LayerCompression, 'zstd'>, string>> = {
  none: MEDIA_TYPES.dockerLayer,
  gzip: MEDIA_TYPES.dockerLayerGzip,
};

const OCI_LAYERS: Readonly<Record<LayerCompression, string>> = {
  none: MEDIA_TYPES.ociLayer,
  gzip: MEDIA_TYPES.ociLayerGzip,
  zstd: MEDIA_TYPES.ociLayerZstd,
};

/** Docker's encoder indents by three. */
const INDENTATION = 3;

/** A manifest that the image came with, and whose blobs are here or in the repository already; the latest first. */
export async function usableManifest(
  manifests: readonly StoredManifest[],
  content: ContentReader,
  repository: Repository,
): Promise<StoredManifest | undefined> {
  for (const stored of manifests.filter(({ mediaType }) => !isIndexType(mediaType))) {
    const { layers } = decodeManifest(stored.content);
    const isReady = async ({ digest }: Descriptor) =>
      (await content.stat(digest)) !== undefined || (await repository.hasBlob(digest));
    if ((await Promise.all(layers.map(isReady))).every(Boolean)) return stored;
  }
  return undefined;
}

/** Docker's own format, which every registry takes; OCI's where a layer is compressed in a way that Docker's lacks. */
export async function buildManifest(
  { id }: Pick<ImageRecord, 'id'>,
  layers: readonly ImageLayer[],
  content: ContentReader,
): Promise<StoredManifest> {
  const isOci = layers.some(({ compression }) => compression === 'zstd');
  const describe = async (mediaType: string, digest: Digest): Promise<Descriptor> => ({
    mediaType,
    size: (await content.stat(digest))?.sizeBytes ?? 0,
    digest,
  });
  const mediaType = isOci ? MEDIA_TYPES.ociManifest : MEDIA_TYPES.dockerManifest;
  const manifest: Manifest = {
    schemaVersion: 2,
    mediaType,
    config: await describe(isOci ? MEDIA_TYPES.ociConfig : MEDIA_TYPES.dockerConfig, id),
    layers: await Promise.all(
      layers.map(({ blob, compression }) => describe(layerType(compression, isOci), blob)),
    ),
  };
  const bytes = Buffer.from(JSON.stringify(manifest, undefined, INDENTATION));
  const digest = parseDigest(`sha256:${createHash('sha256').update(bytes).digest('hex')}`);
  return { mediaType, digest, content: bytes };
}

function layerType(compression: LayerCompression, isOci: boolean): string {
  return isOci || compression === 'zstd' ? OCI_LAYERS[compression] : DOCKER_LAYERS[compression];
}
