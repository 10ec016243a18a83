import type { BuildCacheRecord, FormerDiskUsage } from '#wire/system.ts';
import type { Context } from '../context.ts';

/** What the builder of the engine keeps. */
export async function cacheRecords({ client }: Context): Promise<readonly BuildCacheRecord[]> {
  const query = { type: 'build-cache' };
  const { BuildCache } = await client.json<FormerDiskUsage>({ method: 'GET', path: '/system/df', query });
  return BuildCache;
}
