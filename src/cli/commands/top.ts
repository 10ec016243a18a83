import { topContainer } from '#client/containers.ts';
import { defineCommand, MANY } from '../command.ts';
import { layOutTable } from '../format/table.ts';

export const command = defineCommand({
  summary: 'Display the running processes of a container',
  usage: ['CONTAINER [ps OPTIONS]'],
  operands: { min: 1, max: MANY, kind: 'running-container' },
  interspersed: false,
  examples: ['caisson top web', 'caisson top web -o pid,comm'],
  flags: {},
  run: async (context, { operands: [name = '', ...psArguments] }) => {
    const { Titles, Processes } = await topContainer(context.client, name, psArguments);
    const lines = [Titles, ...Processes].map((cells) => cells.join('\t'));
    context.stdout.write(layOutTable(lines, TOP_WIDTH));
    return 0;
  },
});

/** Docker's columns of processes are at least this wide. */
const TOP_WIDTH = 20;
