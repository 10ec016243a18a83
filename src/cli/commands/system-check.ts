import { checkRoot } from '#client/integrity.ts';
import { defineCommand } from '../command.ts';
import { stringFlag } from '../flag.ts';
import { FORMAT_HELP } from '../format/format-help.ts';
import { checkedText, lostText, showIntegrity } from '../integrity.ts';

export const command = defineCommand({
  summary: 'Check that everything the engine keeps is whole',
  usage: ['[OPTIONS]'],
  description:
    'Reads all blobs and layers and compares them with their digests, and looks for records that are damaged, for\n' +
    'parts that are missing and for what no record owns. Changes nothing. Exits with 1 if something is wrong.',
  operands: { min: 0, max: 0 },
  examples: ['caisson system check', 'caisson system check --format json'],
  flags: { format: stringFlag(FORMAT_HELP) },
  run: async (context, { flags }) => {
    const summary = await showIntegrity(context, checkRoot(context.client), flags.format);
    const { Faults } = summary;
    if (flags.format === '') {
      const verdict =
        Faults === 0 ? 'nothing is wrong' : `${Faults} faults; caisson system repair mends what it can`;
      context.print(`${checkedText(summary)}: ${verdict}`);
      const lost = lostText(summary);
      if (lost !== undefined) context.print(lost);
    }
    return Faults === 0 ? 0 : 1;
  },
});
