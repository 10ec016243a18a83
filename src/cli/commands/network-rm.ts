import { removeNetwork } from '#client/networks.ts';
import { defineCommand, MANY } from '../command.ts';
import { booleanFlag } from '../flag.ts';
import { forEachOperand } from '../for-each-operand.ts';

export const command = defineCommand({
  summary: 'Remove one or more networks',
  usage: ['NETWORK [NETWORK...]'],
  operands: { min: 1, max: MANY, kind: 'network' },
  examples: ['caisson network rm back'],
  flags: { force: booleanFlag('Do not error if the network does not exist', { short: 'f' }) },
  run: (context, { flags, operands }) =>
    forEachOperand(context, operands, (name) => removeNetwork(context.client, name), {
      mayBeMissing: flags.force,
    }),
});
