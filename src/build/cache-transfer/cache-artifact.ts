/** A cache as an artifact: layers and their configuration, named by an index or, as registries like better, a manifest. */
import type { Artifact, ArtifactBlob } from '#image/artifact.ts';
import { settleAll } from '#image/settle-all.ts';
import type { Descriptor } from '#oci/descriptor.ts';
import type { Digest } from '#oci/digest.ts';
import { MEDIA_TYPES } from '#oci/media-types.ts';
import type { Lease } from '#store/content.ts';
import type { BuildParts } from '../build-parts.ts';
import { digestOf } from '../export/finish-image.ts';
import { encodeDocument, layerDescriptor } from '../export/pack-image.ts';
import { type LayerPackingOptions, packLayer } from '../export/pack-layer.ts';
import { CACHE_CONFIG_TYPE, encodeCacheConfig } from './cache-config.ts';
import { cacheConfigOf, type SolvedRecord } from './solved-records.ts';

export interface CacheArtifactOptions extends Pick<LayerPackingOptions, 'compression' | 'force' | 'level'> {
  /** A manifest; otherwise an index, as BuildKit wrote it at first. */
  readonly isManifest: boolean;
  readonly lease: Lease;
  readonly signal: AbortSignal;
}

/** Undefined: there is nothing to keep. */
export async function cacheArtifact(
  parts: BuildParts,
  records: readonly SolvedRecord[],
  options: CacheArtifactOptions,
): Promise<Artifact | undefined> {
  const layers = new Map(records.flatMap(({ layer }) => (layer ? [[layer.diffId, layer] as const] : [])));
  const packed = new Map<Digest, Descriptor>();
  await settleAll(
    [...layers.values()].map(async (layer) => {
      packed.set(layer.diffId, await layerDescriptor(parts, await packLayer(parts, layer, options), true));
    }),
  );
  const config = cacheConfigOf(records, packed);
  if (config.records.length === 0) return undefined;
  const bytes = encodeCacheConfig(config);
  const descriptor = { mediaType: CACHE_CONFIG_TYPE, digest: digestOf(bytes), size: bytes.length };
  const blobs = layerBlobs(
    config.layers.map(({ annotations }) => annotations?.diffID),
    packed,
  );
  return {
    root: rootOf(blobs, descriptor, options.isManifest),
    manifests: [],
    blobs: [...blobs.map((blob) => ({ descriptor: blob })), { descriptor, bytes } satisfies ArtifactBlob],
  };
}

/** With what BuildKit says of each. */
function layerBlobs(
  diffIds: readonly (Digest | undefined)[],
  packed: ReadonlyMap<Digest, Descriptor>,
): readonly Descriptor[] {
  const unique = new Set(diffIds.filter((diffId) => diffId !== undefined));
  return [...unique].flatMap((diffId) => {
    const descriptor = packed.get(diffId);
    return descriptor ? [{ ...descriptor, annotations: { 'containerd.io/uncompressed': diffId } }] : [];
  });
}

function rootOf(blobs: readonly Descriptor[], config: Descriptor, isManifest: boolean): Artifact['root'] {
  if (isManifest)
    return encodeDocument({ schemaVersion: 2, mediaType: MEDIA_TYPES.ociManifest, config, layers: blobs });
  return encodeDocument({ schemaVersion: 2, mediaType: MEDIA_TYPES.ociIndex, manifests: [...blobs, config] });
}
