import { catalogue, findCommand } from '../catalogue.ts';
import { defineCommand, MANY } from '../command.ts';
import { commandHelp, groupHelp, programHelp, unknownCommandMessage } from '../help.ts';

export const command = defineCommand({
  summary: 'Help about any command',
  usage: ['[COMMAND]'],
  operands: { min: 0, max: MANY },
  examples: ['caisson help run'],
  flags: {},
  run: async (context, { operands }) => {
    const found = findCommand(operands);
    if (found.kind === 'unknown') {
      context.stderr.write(unknownCommandMessage(found.word, found.group));
      return 1;
    }
    if (found.kind === 'command') context.stdout.write(commandHelp(found, await found.load()));
    else context.stdout.write(found.group === catalogue ? await programHelp() : await groupHelp(found));
    return 0;
  },
});
