import { collectImages } from '#client/images.ts';
import type { ImageGcReport, ImageGcRow } from '#wire/image-gc.ts';
import { defineCommand } from '../command.ts';
import { booleanFlag, listFlag, stringFlag, valueFlag } from '../flag.ts';
import { FORMAT_HELP } from '../format/format-help.ts';
import { type Listing, printRows } from '../format/rows.ts';
import { humanSize } from '../format/sizes.ts';
import { parseMemorySize } from '#syntax/memory-size.ts';
import { truncateId } from '../format/text.ts';
import { ago } from '../format/times.ts';
import { Row } from '../template/value.ts';

const listing: Listing = {
  headings: {
    Image: 'IMAGE',
    ID: 'IMAGE ID',
    LastUsed: 'LAST USED',
    UniqueSize: 'UNIQUE SIZE',
    Action: 'ACTION',
    Reason: 'REASON',
  },
  columns: ['Image', 'ID', 'LastUsed', 'UniqueSize', 'Action', 'Reason'],
};

export const command = defineCommand({
  summary: 'Remove the least recently used images above a budget',
  usage: ['[OPTIONS]'],
  description:
    'The budget is that of image-gc in the configuration of the engine, unless flags say otherwise. Images that\n' +
    'containers use, that were used too recently or that are to be kept stay.',
  operands: { min: 0, max: 0 },
  flags: {
    dryRun: booleanFlag('Only show what would go, and why'),
    format: stringFlag(FORMAT_HELP),
    keep: listFlag('Keep images of this name or label: PATTERN or label=KEY[=VALUE]'),
    maxSize: valueFlag('What all images may take on disk', parseMemorySize, { type: 'bytes' }),
    minAge: stringFlag('Keep images that were used more recently, such as 24h'),
  },
  examples: [
    'caisson image gc --dry-run',
    'caisson image gc --max-size 20GB --min-age 24h --keep "team/*" --keep label=base',
  ],
  run: async (context, { flags }) => {
    const report = await collectImages(context.client, {
      'dry-run': flags.dryRun,
      'max-size': flags.maxSize,
      'min-age': flags.minAge || undefined,
      keep: flags.keep,
    });
    const shown = flags.dryRun ? report.Images : report.Images.filter(({ Removed }) => Removed);
    if (shown.length > 0 || flags.format !== '')
      printRows(
        context,
        listing,
        shown.map((row) => gcRow(row, flags.dryRun)),
        flags.format,
      );
    if (flags.format === '') context.print(summaryOf(report));
    return 0;
  },
});

function gcRow({ Id, RepoTags, LastUsed, UniqueSize, Removed, Reason }: ImageGcRow, isDryRun: boolean): Row {
  const seconds = Math.floor(Date.parse(LastUsed) / 1000);
  const [name = '<none>', ...others] = RepoTags;
  return new Row({
    Image: () => (others.length === 0 ? name : `${name} +${others.length}`),
    ID: () => truncateId(Id),
    LastUsed: () => (seconds > 0 ? ago(seconds) : 'N/A'),
    UniqueSize: () => humanSize(UniqueSize, 3),
    Action: () => (Removed ? (isDryRun ? 'would remove' : 'removed') : 'keep'),
    Reason: () => Reason,
  });
}

function summaryOf({ Size, MaxSize, Reclaimed, DryRun }: ImageGcReport): string {
  const taken = `Images ${DryRun ? 'take' : 'took'} ${humanSize(Size)} of ${humanSize(MaxSize)}`;
  return `${taken}. ${DryRun ? 'To reclaim' : 'Total reclaimed space'}: ${humanSize(Reclaimed)}`;
}
