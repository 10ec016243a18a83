import { removeContainer } from '#client/containers.ts';
import { defineCommand, MANY } from '../command.ts';
import { booleanFlag } from '../flag.ts';
import { forEachOperand } from '../for-each-operand.ts';

export const command = defineCommand({
  summary: 'Remove one or more containers',
  usage: ['[OPTIONS] CONTAINER [CONTAINER...]'],
  operands: { min: 1, max: MANY, kind: 'container' },
  examples: ['caisson rm -f web', 'caisson rm $(caisson ps -aq --filter status=exited)'],
  flags: {
    force: booleanFlag('Force the removal of a running container (uses SIGKILL)', { short: 'f' }),
    link: booleanFlag('Remove the specified link', { short: 'l' }),
    volumes: booleanFlag('Remove anonymous volumes associated with the container', { short: 'v' }),
  },
  run: (context, { flags: { force, link, volumes: v }, operands }) =>
    forEachOperand(context, operands, (name) => removeContainer(context.client, name, { force, link, v }), {
      mayBeMissing: force,
    }),
});
