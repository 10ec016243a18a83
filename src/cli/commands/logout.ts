import { defineCommand } from '../command.ts';
import { changeCredentials } from '../credential-file.ts';
import { readDockerConfig } from '../docker-config.ts';

export const command = defineCommand({
  summary: 'Log out from a registry',
  usage: ['[SERVER]'],
  operands: { min: 0, max: 1 },
  flags: {},
  run: (context, { operands: [server = 'https://index.docker.io/v1/'] }) => {
    if (!readDockerConfig(context).auths?.[server]) {
      context.print(`Not logged in to ${server}`);
      return Promise.resolve(0);
    }
    context.print(`Removing login credentials for ${server}`);
    changeCredentials(context, server, undefined);
    return Promise.resolve(0);
  },
});
