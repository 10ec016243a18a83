/** What the builder keeps on disk, entry by entry. */
import type { ImageLeases, ImageRecords } from '#image/owned-images.ts';
import type { BuildCache, StoredCacheEntry } from '../cache/build-cache.ts';
import type { LayerLookup } from '../dependencies.ts';
import type { CacheRecord, CacheRecordType } from './disk.ts';

/** What changes while it is kept; all else is only ever made anew. */
export function isMutableType(type: CacheRecordType): boolean {
  return type === 'exec.cachemount' || type === 'source.local';
}

/** Something that is kept beside the layers: the directories of cache mounts, received contexts. */
export interface CacheDirectorySource {
  list(): readonly CacheRecord[];
  /** Removes those of `ids` that are not in use. @returns the ids of what was removed */
  remove(ids: readonly string[]): Promise<readonly string[]>;
}

/** Layers that the cache keeps, some of which images hold as well. */
export interface CachedLayers {
  readonly cache: Pick<BuildCache, 'entries' | 'remove'>;
  readonly images: ImageLeases & Pick<ImageRecords, 'layersInUse'>;
  readonly layers: LayerLookup;
}

/** All records, those used longest ago first. */
export function cacheRecords(
  { cache, images, layers }: CachedLayers,
  others: readonly CacheDirectorySource[],
): readonly CacheRecord[] {
  const inImages = images.layersInUse();
  const steps = cache
    .entries()
    .filter(isShown)
    .map((entry) => stepRecord(entry, layers, inImages.has(entry.layer?.diffId ?? '')));
  const all = [...steps, ...others.flatMap((source) => source.list())];
  return all.toSorted((a, b) => a.usedAtMs - b.usedAtMs || a.createdAtMs - b.createdAtMs);
}

/** Notes without a layer take no space. */
function isShown({ type, layer }: StoredCacheEntry): boolean {
  return type === 'regular' || layer !== undefined;
}

function stepRecord(
  { key, layer, type, description, parents, isInUse, createdAtMs, usedAtMs, uses }: StoredCacheEntry,
  layers: LayerLookup,
  isShared: boolean,
): CacheRecord {
  const sizeBytes = layer ? (layers.get(layer.diffId)?.sizeBytes ?? 0) : 0;
  return { id: key, parents, type, description, isInUse, isShared, sizeBytes, createdAtMs, usedAtMs, uses };
}
