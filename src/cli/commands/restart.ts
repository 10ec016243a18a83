import { actOnContainer } from '#client/containers.ts';
import { defineCommand, MANY } from '../command.ts';
import { integerFlag, stringFlag } from '../flag.ts';
import { forEachOperand } from '../for-each-operand.ts';

export const command = defineCommand({
  summary: 'Restart one or more containers',
  usage: ['[OPTIONS] CONTAINER [CONTAINER...]'],
  operands: { min: 1, max: MANY, kind: 'running-container' },
  examples: ['caisson restart -t 3 web'],
  flags: {
    signal: stringFlag('Signal to send to the container', { short: 's' }),
    time: integerFlag('Seconds to wait before killing the container', { short: 't', aliases: ['timeout'] }),
  },
  run: (context, { flags, operands }) =>
    forEachOperand(context, operands, (name) =>
      actOnContainer(context.client, name, 'restart', { signal: flags.signal || undefined, t: flags.time }),
    ),
});
