/**
 * A cache as an artifact: layers and their configuration, named by an index or, as registries like better, a manifest.
 */
import type { Artifact, ArtifactBlob } from '#image/artifact.ts';
import type { ImageLayer } from '#image/image-record.ts';
import { settleAll } from '#image/settle-all.ts';
import type { Descriptor } from '#oci/descriptor.ts';
import type { Digest } from '#oci/digest.ts';
import { MEDIA_TYPES } from '#oci/media-types.ts';
import type { Lease } from '#store/content.ts';
import type { Packing } from '../export/pack/packing.ts';
import { estargzAnnotations, estargzLayer } from '../export/estargz/estargz-layer.ts';
import { digestOf } from '../export/finish-image.ts';
import { encodeDocument, layerDescriptor } from '../export/pack/pack-image.ts';
import { type LayerPackingOptions, packLayer } from '../export/pack/pack-layer.ts';
import { CACHE_CONFIG_TYPE, encodeCacheConfig } from './cache-config.ts';
import { cacheConfigOf, type PackedLayer, type SolvedRecord } from './solved-records.ts';

export interface CacheArtifactOptions extends Pick<LayerPackingOptions, 'compression' | 'force' | 'level'> {
  readonly isEstargz: boolean;
  /** A manifest; otherwise an index, as BuildKit wrote it at first. */
  readonly isManifest: boolean;
  readonly lease: Lease;
  readonly signal: AbortSignal;
}

/** Undefined: there is nothing to keep. */
export async function cacheArtifact(
  packing: Packing,
  records: readonly SolvedRecord[],
  options: CacheArtifactOptions,
): Promise<Artifact | undefined> {
  const layers = new Map(records.flatMap(({ layer }) => (layer ? [[layer.diffId, layer] as const] : [])));
  const packed = new Map<Digest, PackedBlob>();
  await settleAll(
    [...layers.values()].map(async (layer) => {
      packed.set(layer.diffId, await packedBlob(packing, layer, options));
    }),
  );
  const config = cacheConfigOf(records, packed);
  if (config.records.length === 0) return undefined;
  const bytes = encodeCacheConfig(config);
  const descriptor = { mediaType: CACHE_CONFIG_TYPE, digest: digestOf(bytes), size: bytes.length };
  const blobs = layerBlobs(
    config.layers.map(({ blob }) => blob),
    packed.values(),
  );
  return {
    root: rootOf(blobs, descriptor, options.isManifest),
    manifests: [],
    blobs: [...blobs.map((blob) => ({ descriptor: blob })), { descriptor, bytes } satisfies ArtifactBlob],
  };
}

interface PackedBlob extends PackedLayer {
  readonly descriptor: Descriptor;
}

async function packedBlob(
  packing: Packing,
  layer: ImageLayer,
  options: CacheArtifactOptions,
): Promise<PackedBlob> {
  const made = options.isEstargz ? await estargzLayer(packing, layer, options) : layer;
  const packed = await packLayer(packing, made, options);
  const annotations = {
    ...(options.isEstargz && (await estargzAnnotations(packing, packed))),
    'containerd.io/uncompressed': made.diffId,
  };
  const descriptor = await layerDescriptor(packing, packed, true);
  return { ...descriptor, diffId: made.diffId, descriptor: { ...descriptor, annotations } };
}

/** Each once, with what BuildKit says of it. */
function layerBlobs(wanted: readonly Digest[], packed: Iterable<PackedBlob>): readonly Descriptor[] {
  const byDigest = new Map([...packed].map(({ digest, descriptor }) => [digest, descriptor]));
  return [...new Set(wanted)].flatMap((digest) => byDigest.get(digest) ?? []);
}

function rootOf(blobs: readonly Descriptor[], config: Descriptor, isManifest: boolean): Artifact['root'] {
  if (isManifest)
    return encodeDocument({ schemaVersion: 2, mediaType: MEDIA_TYPES.ociManifest, config, layers: blobs });
  return encodeDocument({ schemaVersion: 2, mediaType: MEDIA_TYPES.ociIndex, manifests: [...blobs, config] });
}
