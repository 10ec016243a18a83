import { defineCommand } from '../command.ts';
import { forgetCredentials } from '../credential-file.ts';
import { hostOf } from '../credential-helper.ts';
import { DOCKER_HUB } from '../image-reference.ts';

export const command = defineCommand({
  summary: 'Log out from a registry',
  usage: ['[SERVER]'],
  operands: { min: 0, max: 1 },
  examples: ['caisson logout registry.example.com'],
  flags: {},
  run: (context, { operands: [server = DOCKER_HUB] }) => {
    const registry = server === DOCKER_HUB ? server : hostOf(server);
    const wasKnown = forgetCredentials(context, registry);
    context.print(wasKnown ? `Removing login credentials for ${registry}` : `Not logged in to ${registry}`);
    return Promise.resolve(0);
  },
});
