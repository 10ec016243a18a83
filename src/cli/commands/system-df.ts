import { defineCommand } from '../command.ts';
import { booleanFlag, stringFlag } from '../flag.ts';
import { buildCacheListing, buildCacheRow } from '../format/build-cache-rows.ts';
import { containerListing, containerRow } from '../format/container-rows.ts';
import { FORMAT_HELP } from '../format/format-help.ts';
import { imageRows, imageUsageListing } from '../format/image-rows.ts';
import { printRows, renderRows } from '../format/rows.ts';
import { humanSize } from '../format/sizes.ts';
import { type EngineUsage, usageListing, usageRows } from '../format/usage-rows.ts';
import { volumeRow, volumeUsageListing } from '../format/volume-rows.ts';
import { ExitError } from '../usage-error.ts';

export const command = defineCommand({
  summary: 'Show docker disk usage',
  usage: ['[OPTIONS]'],
  operands: { min: 0, max: 0 },
  flags: {
    format: stringFlag(FORMAT_HELP),
    verbose: booleanFlag('Show detailed information on space usage', { short: 'v' }),
  },
  run: async (context, { flags }) => {
    if (flags.verbose && flags.format !== '')
      throw new ExitError(1, 'the verbose and the format options conflict');
    const usage = await context.client.json<EngineUsage>({ method: 'GET', path: '/system/df' });
    if (flags.verbose) context.stdout.write(verboseText(usage));
    else printRows(context, usageListing, usageRows(usage), flags.format);
    return 0;
  },
});

function verboseText(usage: EngineUsage): string {
  const images = usage.Images.flatMap((image) => imageRows(image, { noTrunc: false, digests: false }));
  const containers = usage.Containers.map((container) =>
    containerRow({ ...container, SizeRootFs: 0 }, false),
  );
  const records = usage.BuildCache ?? [];
  const cacheSize = records.filter(({ Shared }) => !Shared).reduce((sum, { Size }) => sum + Size, 0);
  return [
    `Images space usage:\n\n${renderRows(imageUsageListing, images, '')}`,
    `Containers space usage:\n\n${renderRows({ ...containerListing(false), columns: CONTAINER_COLUMNS }, containers, '')}`,
    `Local Volumes space usage:\n\n${renderRows(volumeUsageListing, usage.Volumes.map(volumeRow), '')}`,
    `Build cache usage: ${humanSize(cacheSize)}\n\n${renderRows(buildCacheListing, records.map(buildCacheRow), '')}`,
  ].join('\n');
}

const CONTAINER_COLUMNS = ['ID', 'Image', 'Command', 'LocalVolumes', 'Size', 'RunningFor', 'Status', 'Names'];
