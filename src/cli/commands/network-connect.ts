import { connectNetwork } from '#client/networks.ts';
import { EMPTY_ENDPOINT } from '#wire/decode-endpoint.ts';
import { defineCommand } from '../command.ts';
import { toMap } from '../container-options/key-values.ts';
import { integerFlag, listFlag, stringFlag, stringsFlag } from '../flag.ts';

export const command = defineCommand({
  summary: 'Connect a container to a network',
  usage: ['[OPTIONS] NETWORK CONTAINER'],
  operands: { min: 2, max: 2, kind: 'network' },
  examples: [
    'caisson network connect back web',
    'caisson network connect --alias db --ip 172.30.0.9 back postgres',
  ],
  flags: {
    alias: stringsFlag('Add network-scoped alias for the container'),
    driverOpt: stringsFlag('driver options for the network'),
    gwPriority: integerFlag('Highest gw-priority provides the default gateway'),
    ip: stringFlag('IPv4 address (e.g., "172.30.100.104")'),
    ip6: stringFlag('IPv6 address (e.g., "2001:db8::33")'),
    link: listFlag('Add link to another container'),
    linkLocalIp: stringsFlag('Add a link-local address for the container'),
  },
  run: async (context, { flags, operands: [network = '', container = ''] }) => {
    await connectNetwork(context.client, network, {
      Container: container,
      EndpointConfig: {
        ...EMPTY_ENDPOINT,
        IPAMConfig: { IPv4Address: flags.ip, IPv6Address: flags.ip6, LinkLocalIPs: flags.linkLocalIp },
        Links: flags.link,
        Aliases: flags.alias,
        DriverOpts: toMap(flags.driverOpt),
        GwPriority: flags.gwPriority ?? 0,
      },
    });
    return 0;
  },
});
