/** Reads what the documents of a cache say about its records. */
import type { ImageLayer } from '#image/image-record.ts';
import type { Descriptor } from '#oci/descriptor.ts';
import type { Digest } from '#oci/digest.ts';
import { digestHex } from '#oci/digest.ts';
import { layerCompressionOf } from '#oci/media-types.ts';
import type { CacheConfig, CacheConfigRecord } from './cache-config.ts';
import type { ImportedLayer, ImportedRecord } from './imported-cache.ts';

/** @param blobs what the index or manifest names */
export function recordsOf(
  { layers, records }: CacheConfig,
  blobs: ReadonlyMap<Digest, Descriptor>,
): readonly ImportedRecord[] {
  const all = layers.map(({ blob, annotations }): ImportedLayer | undefined => {
    const descriptor = blobs.get(blob);
    const mediaType = descriptor?.mediaType || annotations?.mediaType;
    const compression = mediaType === undefined ? undefined : layerCompressionOf(mediaType);
    const diffId = annotations?.diffID;
    if (!compression || diffId === undefined) return undefined;
    return { diffId, blob, size: descriptor?.size ?? annotations?.size ?? 0, compression };
  });
  return importedRecords(records, all);
}

/** The cache that an image brings along: results are positions of its layers. */
export function inlineRecords(
  records: readonly CacheConfigRecord[],
  layers: readonly Descriptor[],
  diffIds: readonly Digest[],
): readonly ImportedRecord[] {
  const all = layers.map(({ digest: blob, size, mediaType }, index): ImportedLayer | undefined => {
    const compression = layerCompressionOf(mediaType);
    const diffId = diffIds[index];
    return compression && diffId !== undefined ? { diffId, blob, size, compression } : undefined;
  });
  return importedRecords(records, all);
}

/** The records of an image that is here. */
export function inlineRecordsHere(
  records: readonly CacheConfigRecord[],
  layers: readonly ImageLayer[],
): readonly ImportedRecord[] {
  return importedRecords(
    records,
    layers.map((layer) => ({ ...layer, size: 0 })),
  );
}

function importedRecords(
  records: readonly CacheConfigRecord[],
  layers: readonly (ImportedLayer | undefined)[],
): readonly ImportedRecord[] {
  return records.flatMap(({ digest, layers: results = [], chains = [] }): readonly ImportedRecord[] => {
    const key = digestHex(digest);
    const [result] = results;
    const layer = result && layers[result.layer];
    if (result && layer) {
      const { archive, createdAt } = result;
      const wanted = archive === undefined ? layer : { ...layer, archive };
      return [{ key, layer: wanted, createdAtMs: timeOf(createdAt) }];
    }
    const nothing = chains.find(({ layers: positions }) => positions.length === 0);
    return nothing ? [{ key, createdAtMs: timeOf(nothing.createdAt) }] : [];
  });
}

function timeOf(text: string): number {
  const time = Date.parse(text);
  return Number.isNaN(time) ? Date.now() : time;
}
