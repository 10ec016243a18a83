import { type WaitResult, watchContainer } from '#client/containers.ts';
import { defineCommand, MANY } from '../command.ts';
import { forEachOperand } from '../for-each-operand.ts';

export const command = defineCommand({
  summary: 'Block until one or more containers stop, then print their exit codes',
  usage: ['CONTAINER [CONTAINER...]'],
  operands: { min: 1, max: MANY, kind: 'running-container' },
  examples: ['caisson wait job'],
  flags: {},
  run: (context, { operands }) => {
    const codes = new Map<string, WaitResult>();
    const wait = async (name: string): Promise<void> => {
      codes.set(name, await (await watchContainer(context.client, name)).result);
    };
    return forEachOperand(context, operands, wait, { print: (name) => String(codes.get(name)?.StatusCode) });
  },
});
