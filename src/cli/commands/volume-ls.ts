import type { VolumeInspect } from '#wire/volume.ts';
import { listVolumes } from '#client/volumes.ts';
import { defineCommand } from '../command.ts';
import { configuredFormat } from '../docker-config.ts';
import { booleanFlag, filterFlag, stringFlag } from '../flag.ts';
import { FORMAT_HELP } from '../format/format-help.ts';
import { printRows } from '../format/rows.ts';
import { volumeListing, volumeRow } from '../format/volume-rows.ts';

export const command = defineCommand({
  summary: 'List volumes',
  usage: ['[OPTIONS]'],
  operands: { min: 0, max: 0 },
  examples: ['caisson volume ls --filter dangling=true'],
  flags: {
    cluster: booleanFlag('Accepted for compatibility with Docker', { hidden: true }),
    filter: filterFlag('Provide filter values (e.g. "dangling=true")', { short: 'f' }),
    format: stringFlag(FORMAT_HELP),
    quiet: booleanFlag('Only display volume names', { short: 'q' }),
  },
  run: async (context, { flags }) => {
    const { Volumes } = await listVolumes(context.client, flags.filter);
    const rows = (Volumes ?? []).toSorted(byName).map(volumeRow);
    const format = flags.format || (flags.quiet ? '{{.Name}}' : configuredFormat(context, 'volumesFormat'));
    printRows(context, volumeListing, rows, format);
    return 0;
  },
});

function byName(one: VolumeInspect, other: VolumeInspect): number {
  return one.Name < other.Name ? -1 : 1;
}
