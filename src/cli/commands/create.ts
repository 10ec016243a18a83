import { proxyVariables } from '../proxy-variables.ts';
import { defineCommand, MANY } from '../command.ts';
import { containerFlags } from '../container-options/container-flags.ts';
import { createBody } from '../container-options/run-config.ts';
import { createWithPull } from '../create-container.ts';

export const command = defineCommand({
  summary: 'Create a new container',
  usage: ['[OPTIONS] IMAGE [COMMAND] [ARG...]'],
  operands: { min: 1, max: MANY, kind: 'image' },
  interspersed: false,
  examples: ['caisson create --name db -v data:/var/lib/postgresql/data postgres', 'caisson start db'],
  flags: containerFlags,
  run: async (context, { flags, given, operands: [image = '', ...words] }) => {
    const line = { flags, given, image, command: words };
    const body = createBody(line, {
      environment: context.environment,
      consoleSize: undefined,
      detach: false,
      proxyVariables: (given) => proxyVariables(context, given),
    });
    const created = await createWithPull(context, flags, image, body);
    context.print(created.Id);
    return 0;
  },
});
