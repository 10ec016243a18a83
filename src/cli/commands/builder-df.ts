import { builderFlag, checkBuilder } from '../build/builder-flag.ts';
import { cacheRecords } from '../build/cache-records.ts';
import { defineCommand } from '../command.ts';
import { booleanFlag, stringFlag } from '../flag.ts';
import { buildCacheDetails, buildCacheListing, buildCacheRow } from '../format/build-cache-rows.ts';
import { FORMAT_HELP } from '../format/format-help.ts';
import { printRows } from '../format/rows.ts';
import { humanSize } from '../format/sizes.ts';

export const command = defineCommand({
  summary: 'Show what the build cache keeps',
  usage: ['[OPTIONS]'],
  operands: { min: 0, max: 0 },
  examples: ['caisson builder du', 'caisson builder du --verbose'],
  flags: {
    builder: builderFlag,
    format: stringFlag(FORMAT_HELP),
    verbose: booleanFlag('Show all that is known of each record'),
  },
  run: async (context, { flags }) => {
    checkBuilder(context, flags.builder);
    const records = await cacheRecords(context);
    if (flags.verbose && flags.format === '')
      for (const record of records) context.print(buildCacheDetails(record));
    else
      printRows(
        context,
        buildCacheListing,
        records.map((record) => buildCacheRow(record, flags.verbose)),
        flags.format,
      );
    if (flags.format !== '') return 0;
    const total = records.reduce((sum, { Size }) => sum + Size, 0);
    const unused = records.filter(({ InUse, Shared }) => !InUse && !Shared);
    const reclaimable = unused.reduce((sum, { Size }) => sum + Size, 0);
    context.print(`Reclaimable: ${humanSize(reclaimable)}\nTotal: ${humanSize(total)}`);
    return 0;
  },
});
