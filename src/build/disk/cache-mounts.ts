import type { CacheDirectories } from '../cache/cache-directories.ts';
import type { CacheDirectorySource } from './cache-records.ts';

/** The directories of `RUN --mount=type=cache` as records. */
export function cacheMounts(directories: CacheDirectories): CacheDirectorySource {
  return {
    list: () =>
      directories.list().map(({ name, id, createdAtMs, usedAtMs, uses, sizeBytes, isInUse }) => ({
        id: name,
        parents: [],
        type: 'exec.cachemount',
        description: `cached mount ${id}`,
        isInUse,
        isShared: false,
        sizeBytes,
        createdAtMs,
        usedAtMs,
        uses,
      })),
    remove: async (ids) => {
      const wanted = new Set(ids);
      const removed = await directories.remove(directories.list().filter(({ name }) => wanted.has(name)));
      return removed.map(({ name }) => name);
    },
  };
}
