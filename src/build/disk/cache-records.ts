/** What the builder keeps on disk, entry by entry. */
import type { BuildParts } from '../build-parts.ts';
import type { StoredCacheEntry } from '../cache/build-cache.ts';

/** BuildKit's words. */
export type CacheRecordType =
  | 'regular'
  | 'internal'
  | 'exec.cachemount'
  | 'source.local'
  | 'source.git.checkout';

/** What changes while it is kept; all else is only ever made anew. */
export function isMutableType(type: CacheRecordType): boolean {
  return type === 'exec.cachemount' || type === 'source.local';
}

export interface CacheRecord {
  readonly id: string;
  readonly parents: readonly string[];
  readonly type: CacheRecordType;
  readonly description: string;
  readonly isInUse: boolean;
  /** Images hold it as well: its removal frees nothing. */
  readonly isShared: boolean;
  readonly sizeBytes: number;
  readonly createdAtMs: number;
  readonly usedAtMs: number;
  readonly uses: number;
}

/** Something that is kept beside the layers: the directories of cache mounts, received contexts. */
export interface CacheDirectorySource {
  list(): readonly CacheRecord[];
  /** Of those given, removes what nobody uses. @returns the ids of what was removed */
  remove(ids: readonly string[]): Promise<readonly string[]>;
}

/** Those used longest ago first. */
export function cacheRecords(
  parts: Pick<BuildParts, 'cache' | 'images' | 'layers'>,
  others: readonly CacheDirectorySource[],
): readonly CacheRecord[] {
  const inImages = parts.images.layersInUse();
  const steps = parts.cache
    .entries()
    .filter(isShown)
    .map((entry) => stepRecord(entry, parts, inImages.has(entry.layer?.diffId ?? '')));
  const all = [...steps, ...others.flatMap((source) => source.list())];
  return all.toSorted((a, b) => a.usedAtMs - b.usedAtMs || a.createdAtMs - b.createdAtMs);
}

/** Notes without a layer take no space. */
function isShown({ type, layer }: StoredCacheEntry): boolean {
  return type === 'regular' || layer !== undefined;
}

function stepRecord(
  { key, layer, type, description, parents, isInUse, createdAtMs, usedAtMs, uses }: StoredCacheEntry,
  { layers }: Pick<BuildParts, 'layers'>,
  isShared: boolean,
): CacheRecord {
  const sizeBytes = layer ? (layers.get(layer.diffId)?.sizeBytes ?? 0) : 0;
  return { id: key, parents, type, description, isInUse, isShared, sizeBytes, createdAtMs, usedAtMs, uses };
}
