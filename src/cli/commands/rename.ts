import { renameContainer } from '#client/containers.ts';
import { defineCommand } from '../command.ts';
import { ExitError } from '../usage-error.ts';

export const command = defineCommand({
  summary: 'Rename a container',
  usage: ['CONTAINER NEW_NAME'],
  operands: { min: 2, max: 2, kind: 'container' },
  examples: ['caisson rename eager_curie web'],
  flags: {},
  run: async (context, { operands: [from = '', to = ''] }) => {
    if (from.trim() === '' || to.trim() === '') {
      throw new ExitError(1, 'Error: Neither old nor new names may be empty');
    }
    await renameContainer(context.client, from.trim(), to.trim());
    return 0;
  },
});
