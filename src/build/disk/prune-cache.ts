/** Removes what the builder keeps. */
import { settleAll } from '#image/settle-all.ts';
import type { CacheSelection } from './cache-filters.ts';
import { type CachedLayers, type CacheDirectorySource, cacheRecords } from './cache-records.ts';
import type { CacheRecord, PruneReport } from './disk.ts';

export interface PruneLimits {
  readonly selection: CacheSelection;
  /** Includes what images share, and what the builder notes for itself. */
  readonly all: boolean;
  /** Stops once no more than this is left; 0: removes everything that is selected. */
  readonly keepBytes: number;
}

/** What is in use stays. What was used longest ago goes first. */
export async function pruneCache(
  cached: CachedLayers,
  others: readonly CacheDirectorySource[],
  limits: PruneLimits,
): Promise<PruneReport> {
  const records = cacheRecords(cached, others);
  const chosen = chooseRecords(records, limits);
  if (chosen.length === 0) return { deleted: [], spaceReclaimed: 0 };
  const freed = await removeLayers(cached, chosen);
  const ids = chosen.map(({ id }) => id);
  const removed = (await settleAll(others.map((source) => source.remove(ids)))).flat();
  const directories = new Set(removed);
  const freedElsewhere = chosen.filter(({ id }) => directories.has(id));
  return {
    deleted: chosen.filter(({ type, id }) => isStep(type) || directories.has(id)).map(({ id }) => id),
    spaceReclaimed: freed + sizeOf(freedElsewhere),
  };
}

function isStep(type: CacheRecord['type']): boolean {
  return type === 'regular' || type === 'internal';
}

function sizeOf(records: readonly CacheRecord[]): number {
  return records.reduce((total, { sizeBytes }) => total + sizeBytes, 0);
}

function chooseRecords(
  records: readonly CacheRecord[],
  { selection, all, keepBytes }: PruneLimits,
): readonly CacheRecord[] {
  let totalBytes = sizeOf(records.filter(({ isShared }) => !isShared));
  const latestMs = Date.now() - selection.unusedForMs;
  const chosen: CacheRecord[] = [];
  for (const record of records) {
    if (keepBytes > 0 && totalBytes <= keepBytes) break;
    if (record.isInUse || record.usedAtMs > latestMs || !selection.fits(record)) continue;
    if (!all && (record.isShared || record.type === 'internal')) continue;
    chosen.push(record);
    if (!record.isShared) totalBytes -= record.sizeBytes;
  }
  return chosen;
}

/** @returns bytes of the layers that nothing else holds */
async function removeLayers(
  { cache, images, layers }: CachedLayers,
  chosen: readonly CacheRecord[],
): Promise<number> {
  const keys = new Set(chosen.filter(({ type }) => isStep(type)).map(({ id }) => id));
  const released = cache.entries().flatMap(({ key, layer }) => (keys.has(key) && layer ? [layer] : []));
  const sizes = new Map(released.map(({ diffId }) => [diffId, layers.get(diffId)?.sizeBytes ?? 0]));
  const lease = images.openLease();
  for (const { diffId, blob } of released) lease.protect(diffId, blob);
  cache.remove([...keys]);
  // Releasing the lease collects the layers that nothing else holds.
  await lease[Symbol.asyncDispose]();
  return [...sizes].reduce((total, [diffId, size]) => (layers.get(diffId) ? total : total + size), 0);
}
