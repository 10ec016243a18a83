import { defineCommand } from '../command.ts';
import { booleanFlag, stringFlag } from '../flag.ts';
import { buildCacheListing, buildCacheRow } from '../format/build-cache-rows.ts';
import { containerListing, containerRow } from '../format/container-rows.ts';
import { FORMAT_HELP } from '../format/format-help.ts';
import { imageRows, imageUsageListing } from '../format/image-rows.ts';
import { printRows, renderRows } from '../format/rows.ts';
import { humanSize } from '../format/sizes.ts';
import { Row } from '../template/value.ts';
import { type EngineUsage, usageListing, usageRows } from '../format/usage-rows.ts';
import { volumeRow, volumeUsageListing } from '../format/volume-rows.ts';

export const command = defineCommand({
  summary: 'Show docker disk usage',
  usage: ['[OPTIONS]'],
  operands: { min: 0, max: 0 },
  examples: ['caisson system df', 'caisson system df -v --format json'],
  flags: {
    format: stringFlag(FORMAT_HELP),
    verbose: booleanFlag('Show detailed information on space usage', { short: 'v' }),
  },
  run: async (context, { flags }) => {
    const usage = await context.client.json<EngineUsage>({ method: 'GET', path: '/system/df' });
    const isTable = ['', 'table'].includes(flags.format.trim());
    if (flags.verbose && isTable) context.stdout.write(verboseText(usage));
    else if (flags.verbose) printRows(context, usageListing, [usageDetails(usage)], flags.format);
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
    `Build cache usage: ${humanSize(cacheSize)}\n\n${renderRows(
      buildCacheListing,
      records.map((record) => buildCacheRow(record)),
      '',
    )}`,
  ].join('\n');
}

/** Everything that takes space, for templates: each list has the fields of its own command. */
function usageDetails(usage: EngineUsage): Row {
  const images = usage.Images.flatMap((image) => imageRows(image, { noTrunc: true, digests: false }));
  return new Row({
    Images: () => images.map(({ fields }) => new Row({ ...fields, Digest: () => '' })),
    Containers: () => usage.Containers.map((each) => containerRow({ ...each, SizeRootFs: 0 }, true)),
    Volumes: () => usage.Volumes.map(volumeRow),
    BuildCache: () => (usage.BuildCache ?? []).map((record) => buildCacheRow(record, true)),
  });
}

const CONTAINER_COLUMNS = ['ID', 'Image', 'Command', 'LocalVolumes', 'Size', 'RunningFor', 'Status', 'Names'];
