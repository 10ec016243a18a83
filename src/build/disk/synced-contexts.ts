import type { ContextStore } from '../contexts/context-store.ts';
import type { CacheDirectorySource } from './cache-records.ts';

/** What was received of clients' directories, as records. */
export function syncedContexts(contexts: ContextStore): CacheDirectorySource {
  return {
    list: () =>
      contexts.list().map(({ name, ...record }) => ({
        id: name,
        parents: [],
        type: 'source.local',
        description: 'local source for context',
        isShared: false,
        uses: 1,
        ...record,
      })),
    remove: (ids) => {
      const there = new Set(contexts.list().map(({ name }) => name));
      return contexts.remove(ids.filter((id) => there.has(id)));
    },
  };
}
