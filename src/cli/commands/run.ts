import { defineCommand, MANY } from '../command.ts';
import { containerFlags } from '../container-options/container-flags.ts';
import { booleanFlag, stringFlag } from '../flag.ts';
import { runContainer } from '../run-container.ts';

export const command = defineCommand({
  summary: 'Create and run a new container from an image',
  usage: ['[OPTIONS] IMAGE [COMMAND] [ARG...]'],
  operands: { min: 1, max: MANY, kind: 'image' },
  interspersed: false,
  failsAs125: true,
  examples: [
    'caisson run --rm -it debian bash',
    'caisson run -d --name web -p 8080:80 -v ./site:/usr/share/nginx/html:ro nginx',
  ],
  flags: {
    ...containerFlags,
    detach: booleanFlag('Run container in background and print container ID', { short: 'd' }),
    detachKeys: stringFlag('Override the key sequence for detaching a container'),
    sigProxy: booleanFlag('Proxy received signals to the process', { initial: true }),
  },
  run: async (context, { flags, given, operands: [image = '', ...words] }) => {
    return runContainer(context, { flags, given, image, command: words });
  },
});
