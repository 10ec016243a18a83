import { CAISSON_VERSION } from '../caisson-version.ts';
import { defineCommand } from '../command.ts';

export const command = defineCommand({
  summary: 'Show the version of what builds: the command line has it built in',
  usage: [''],
  operands: { min: 0, max: 0 },
  examples: ['caisson buildx version'],
  flags: {},
  run: (context) => {
    context.print(`caisson ${CAISSON_VERSION}`);
    return Promise.resolve(0);
  },
});
