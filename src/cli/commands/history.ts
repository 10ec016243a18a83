import type { HistoryEntry } from '#wire/image.ts';
import { imageHistory } from '#client/images.ts';
import { defineCommand } from '../command.ts';
import { booleanFlag, stringFlag } from '../flag.ts';
import { FORMAT_HELP } from '../format/format-help.ts';
import { type Listing, printRows } from '../format/rows.ts';
import { humanSize } from '../format/sizes.ts';
import { ellipsis, truncateId } from '../format/text.ts';
import { ago, rfc3339 } from '../format/times.ts';
import { platformFlag, platformQuery } from '../platform-flag.ts';
import { Row } from '../template/value.ts';

const headings = {
  ID: 'IMAGE',
  CreatedSince: 'CREATED',
  CreatedAt: 'CREATED AT',
  CreatedBy: 'CREATED BY',
  Size: 'SIZE',
  Comment: 'COMMENT',
};

const listing = (human: boolean): Listing => ({
  headings,
  columns: ['ID', human ? 'CreatedSince' : 'CreatedAt', 'CreatedBy', 'Size', 'Comment'],
});

export const command = defineCommand({
  summary: 'Show the history of an image',
  usage: ['[OPTIONS] IMAGE'],
  operands: { min: 1, max: 1, kind: 'image' },
  examples: ['caisson history --no-trunc app'],
  flags: {
    format: stringFlag(FORMAT_HELP),
    human: booleanFlag('Print sizes and dates in human readable format', { short: 'H', initial: true }),
    noTrunc: booleanFlag("Don't truncate output"),
    platform: platformFlag,
    quiet: booleanFlag('Only show image IDs', { short: 'q' }),
  },
  run: async (context, { flags, operands: [image = ''] }) => {
    const entries = await imageHistory(context.client, image, platformQuery(flags.platform));
    const rows = entries.map((entry) => historyRow(entry, flags));
    printRows(context, listing(flags.human), rows, flags.format || (flags.quiet ? '{{.ID}}' : ''));
    return 0;
  },
});

function historyRow(
  entry: HistoryEntry,
  { human, noTrunc }: { readonly human: boolean; readonly noTrunc: boolean },
): Row {
  const created = (): string =>
    entry.Created <= 0 ? '' : rfc3339(BigInt(entry.Created) * 1_000_000_000n, 'seconds');
  return new Row({
    ID: () => (noTrunc ? entry.Id : truncateId(entry.Id)),
    CreatedAt: created,
    CreatedSince: () => (human ? (entry.Created <= 0 ? 'N/A' : ago(entry.Created)) : created()),
    CreatedBy: () => {
      const command = entry.CreatedBy.replaceAll('\t', ' ');
      return noTrunc ? command : ellipsis(command, 45);
    },
    Size: () => (human ? humanSize(entry.Size, 3) : String(entry.Size)),
    Comment: () => entry.Comment,
  });
}
