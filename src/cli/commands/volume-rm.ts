import { removeVolume } from '#client/volumes.ts';
import { defineCommand, MANY } from '../command.ts';
import { booleanFlag } from '../flag.ts';
import { forEachOperand } from '../for-each-operand.ts';

export const command = defineCommand({
  summary: 'Remove one or more volumes. You cannot remove a volume that is in use by a container.',
  usage: ['[OPTIONS] VOLUME [VOLUME...]'],
  operands: { min: 1, max: MANY, kind: 'volume' },
  examples: ['caisson volume rm data'],
  flags: { force: booleanFlag('Force the removal of one or more volumes', { short: 'f' }) },
  run: (context, { flags, operands }) =>
    forEachOperand(context, operands, (name) => removeVolume(context.client, name, flags.force)),
});
