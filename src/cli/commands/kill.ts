import { actOnContainer } from '#client/containers.ts';
import { defineCommand, MANY } from '../command.ts';
import { stringFlag } from '../flag.ts';
import { forEachOperand } from '../for-each-operand.ts';

export const command = defineCommand({
  summary: 'Kill one or more running containers',
  usage: ['[OPTIONS] CONTAINER [CONTAINER...]'],
  operands: { min: 1, max: MANY, kind: 'running-container' },
  examples: ['caisson kill -s HUP web'],
  flags: { signal: stringFlag('Signal to send to the container', { short: 's' }) },
  run: (context, { flags, operands }) =>
    forEachOperand(context, operands, (name) =>
      actOnContainer(context.client, name, 'kill', { signal: flags.signal || undefined }),
    ),
});
