import type { ArtifactBlob } from '#image/artifact.ts';
import type { StoredManifest } from '#image/image-manifests.ts';
import type { ImageLayer } from '#image/image-record.ts';
import { settleAll } from '#image/settle-all.ts';
import type { Descriptor } from '#oci/descriptor.ts';
import type { ImageIndex, Manifest } from '#oci/manifest.ts';
import { type LayerCompression, MEDIA_TYPES } from '#oci/media-types.ts';
import type { Annotations } from '../annotations.ts';
import { estargzAnnotations } from '../estargz/estargz-layer.ts';
import { digestOf, type FinishedImage } from '../finish-image.ts';
import type { Packing } from './packing.ts';
import { type LayerPackingOptions, packLayer } from './pack-layer.ts';

export interface PackOptions extends LayerPackingOptions {
  /** OCI's media types, Docker's otherwise. */
  readonly isOci: boolean;
  /** Layers that are eStargz say so. */
  readonly isEstargz: boolean;
  readonly annotations: Annotations;
}

export interface PackedImage {
  readonly image: FinishedImage;
  readonly manifest: StoredManifest;
  /** Names the manifest. */
  readonly descriptor: Descriptor;
  readonly blobs: readonly ArtifactBlob[];
  /** Bottom first. */
  readonly layers: readonly Descriptor[];
}

const LAYER_TYPES: Readonly<Record<LayerCompression, readonly [oci: string, docker: string]>> = {
  none: [MEDIA_TYPES.ociLayer, MEDIA_TYPES.dockerLayer],
  gzip: [MEDIA_TYPES.ociLayerGzip, MEDIA_TYPES.dockerLayerGzip],
  zstd: [MEDIA_TYPES.ociLayerZstd, MEDIA_TYPES.ociLayerZstd],
};

export async function packImage(
  packing: Packing,
  image: FinishedImage,
  options: PackOptions,
): Promise<PackedImage> {
  const { isOci, annotations } = options;
  const { platform } = image.built;
  const layers = await settleAll(
    image.layers.map(async (layer): Promise<Descriptor> => {
      const packed = await packLayer(packing, layer, options);
      const descriptor = await layerDescriptor(packing, packed, isOci);
      const about = options.isEstargz ? await estargzAnnotations(packing, packed) : undefined;
      return { ...descriptor, ...withAnnotations(about) };
    }),
  );
  const config: Descriptor = {
    mediaType: isOci ? MEDIA_TYPES.ociConfig : MEDIA_TYPES.dockerConfig,
    digest: image.id,
    size: image.configBytes.length,
  };
  const manifest = encodeDocument({
    schemaVersion: 2,
    mediaType: isOci ? MEDIA_TYPES.ociManifest : MEDIA_TYPES.dockerManifest,
    config,
    layers,
    ...withAnnotations(annotations.of('manifest', platform)),
  });
  const descriptor = {
    ...descriptorOf(manifest),
    ...withAnnotations(annotations.of('manifest-descriptor', platform)),
    platform,
  };
  const blobs = [...layers.map((layer) => ({ descriptor: layer })), memoryBlob(config, image.configBytes)];
  return { image, manifest, descriptor, blobs, layers };
}

export async function layerDescriptor(
  { content }: Pick<Packing, 'content'>,
  { blob, compression }: ImageLayer,
  isOci: boolean,
): Promise<Descriptor> {
  const size = (await content.stat(blob))?.sizeBytes ?? 0;
  return { mediaType: LAYER_TYPES[compression][isOci ? 0 : 1], digest: blob, size };
}

/** Manifests and indexes as BuildKit writes them: indented by two. */
export function encodeDocument(document: Manifest | ImageIndex): StoredManifest {
  const content = Buffer.from(JSON.stringify(document, undefined, 2));
  return { mediaType: document.mediaType, digest: digestOf(content), content };
}

export function descriptorOf({ mediaType, digest, content }: StoredManifest): Descriptor {
  return { mediaType, digest, size: content.length };
}

export function memoryBlob(descriptor: Descriptor, bytes: Buffer): ArtifactBlob {
  return { descriptor, bytes };
}

export function withAnnotations(annotations: Readonly<Record<string, string>> | undefined): {
  readonly annotations?: Readonly<Record<string, string>>;
} {
  return annotations ? { annotations } : {};
}
