import { actOnContainer } from '#client/containers.ts';
import { defineCommand, MANY } from '../command.ts';
import { forEachOperand } from '../for-each-operand.ts';

export const command = defineCommand({
  summary: 'Unpause all processes within one or more containers',
  usage: ['CONTAINER [CONTAINER...]'],
  operands: { min: 1, max: MANY, kind: 'running-container' },
  examples: ['caisson unpause web'],
  flags: {},
  run: (context, { operands }) =>
    forEachOperand(context, operands, (name) => actOnContainer(context.client, name, 'unpause')),
});
