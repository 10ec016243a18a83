import type { DiskUsage } from '#wire/system.ts';
import { defineCommand } from '../command.ts';
import { stringFlag } from '../flag.ts';
import { buildCacheListing, buildCacheRow } from '../format/build-cache-rows.ts';
import { FORMAT_HELP } from '../format/format-help.ts';
import { printRows } from '../format/rows.ts';
import { humanSize } from '../format/sizes.ts';

export const command = defineCommand({
  summary: 'Show what the build cache keeps',
  usage: ['[OPTIONS]'],
  operands: { min: 0, max: 0 },
  flags: { format: stringFlag(FORMAT_HELP) },
  run: async (context, { flags }) => {
    const { BuildCache } = await context.client.json<DiskUsage>({
      method: 'GET',
      path: '/system/df',
      query: { type: 'build-cache' },
    });
    printRows(context, buildCacheListing, BuildCache.map(buildCacheRow), flags.format);
    if (flags.format !== '') return 0;
    const total = BuildCache.reduce((sum, { Size }) => sum + Size, 0);
    const unused = BuildCache.filter(({ InUse, Shared }) => !InUse && !Shared);
    const reclaimable = unused.reduce((sum, { Size }) => sum + Size, 0);
    context.print(`Reclaimable: ${humanSize(reclaimable)}\nTotal: ${humanSize(total)}`);
    return 0;
  },
});
