import { defineCommand } from '../command.ts';
import { contextName } from '../contexts/context-name.ts';

export const command = defineCommand({
  summary: 'Print the name of the current context',
  usage: [''],
  operands: { min: 0, max: 0 },
  examples: ['caisson context show'],
  flags: {},
  run: (context) => {
    context.print(contextName(context));
    return Promise.resolve(0);
  },
});
