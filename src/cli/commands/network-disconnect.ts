import { disconnectNetwork } from '#client/networks.ts';
import { defineCommand } from '../command.ts';
import { booleanFlag } from '../flag.ts';

export const command = defineCommand({
  summary: 'Disconnect a container from a network',
  usage: ['[OPTIONS] NETWORK CONTAINER'],
  operands: { min: 2, max: 2, kind: 'network' },
  examples: ['caisson network disconnect back web'],
  flags: { force: booleanFlag('Force the container to disconnect from a network', { short: 'f' }) },
  run: async (context, { flags, operands: [network = '', container = ''] }) => {
    await disconnectNetwork(context.client, network, container, flags.force);
    return 0;
  },
});
