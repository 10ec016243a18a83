import { encodeFilters } from '#client/client.ts';
import { builderFlag, checkBuilder } from '../build/builder-flag.ts';
import { cacheRecords } from '../build/cache-records.ts';
import { defineCommand } from '../command.ts';
import { memoryFlag } from '../container-options/value-flags.ts';
import { booleanFlag } from '../flag.ts';
import { buildCacheDetails } from '../format/build-cache-rows.ts';
import { confirmPrune, printPruned, pruneFlags, withPruneFilters } from '../prune.ts';

interface CachePruneReport {
  readonly CachesDeleted: readonly string[] | null;
  readonly SpaceReclaimed: number;
}

export const command = defineCommand({
  summary: 'Remove build cache',
  usage: ['[OPTIONS]'],
  operands: { min: 0, max: 0 },
  flags: {
    all: booleanFlag('Remove all unused build cache, not just what images do not share', { short: 'a' }),
    builder: builderFlag,
    ...pruneFlags,
    keepStorage: memoryFlag('Amount of disk space to keep for cache'),
    verbose: booleanFlag('Show all that was known of each deleted record'),
  },
  examples: ['caisson builder prune --filter unused-for=48h', 'caisson builder prune -af'],
  run: async (context, { flags }) => {
    checkBuilder(context, flags.builder);
    const warning = flags.all
      ? 'WARNING! This will remove all build cache.'
      : 'WARNING! This will remove all build cache that no image shares.';
    if (!(await confirmPrune(context, flags.force, warning))) return 0;
    const filter = withPruneFilters(context, flags.filter);
    const known = flags.verbose ? await cacheRecords(context) : [];
    const { CachesDeleted, SpaceReclaimed } = await context.client.json<CachePruneReport>({
      method: 'POST',
      path: '/build/prune',
      query: {
        all: flags.all,
        filters: encodeFilters(filter),
        ...(flags.keepStorage !== undefined && { 'keep-storage': String(flags.keepStorage) }),
      },
    });
    const deleted = new Set(CachesDeleted);
    for (const record of known) if (deleted.delete(record.ID)) context.print(buildCacheDetails(record));
    printPruned(context, 'Deleted build cache objects:', [...deleted], SpaceReclaimed);
    return 0;
  },
});
