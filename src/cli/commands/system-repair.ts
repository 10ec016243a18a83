import { repairRoot } from '#client/integrity.ts';
import { defineCommand } from '../command.ts';
import { booleanFlag, stringFlag } from '../flag.ts';
import { FORMAT_HELP } from '../format/format-help.ts';
import { checkedText, lostText, showIntegrity } from '../integrity.ts';

export const command = defineCommand({
  summary: 'Mend what system check finds',
  usage: ['[OPTIONS]'],
  description:
    'Makes damaged and missing layers again from their blobs, and moves damaged blobs, and what no record owns, to\n' +
    'lost+found below the root of the engine. Nothing is deleted without --delete. Exits with 1 if something is left.',
  operands: { min: 0, max: 0 },
  examples: ['caisson system repair', 'caisson system repair --delete'],
  flags: {
    delete: booleanFlag('Delete what is in lost+found, for good'),
    format: stringFlag(FORMAT_HELP),
  },
  run: async (context, { flags }) => {
    const lines = repairRoot(context.client, flags.delete);
    const summary = await showIntegrity(context, lines, flags.format);
    const { Faults, Repaired, Deleted } = summary;
    if (flags.format === '') {
      const verdict = Faults === 0 ? 'nothing was wrong' : `${Repaired} of ${Faults} faults are mended`;
      context.print(`${checkedText(summary)}: ${verdict}`);
      if (Deleted.length > 0) context.print(`Deleted from lost+found: ${Deleted.length}`);
      const lost = lostText(summary);
      if (lost !== undefined) context.print(lost);
    }
    return Faults === Repaired ? 0 : 1;
  },
});
