import type { Downloads } from '../remote/downloads.ts';
import type { CacheDirectorySource } from './cache-records.ts';

/** What builds have fetched, as records. */
export function downloadedFiles(downloads: Downloads): CacheDirectorySource {
  return {
    list: () =>
      downloads.list().map(({ name, kind, url, ...record }) => ({
        id: name,
        parents: [],
        type: kind === 'git' ? 'source.git.checkout' : 'regular',
        description: kind === 'git' ? `git snapshot for ${url}` : `http url ${url}`,
        isShared: false,
        uses: 1,
        ...record,
      })),
    remove: (ids) => {
      const there = new Set(downloads.list().map(({ name }) => name));
      return downloads.remove(ids.filter((id) => there.has(id)));
    },
  };
}
