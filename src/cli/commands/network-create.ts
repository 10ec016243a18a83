import { createNetwork } from '#client/networks.ts';
import { defineCommand } from '../command.ts';
import { checkLabel, toMap } from '../container-options/key-values.ts';
import { booleanFlag, listFlag, mapFlag, stringFlag, stringsFlag } from '../flag.ts';

export const command = defineCommand({
  summary: 'Create a network',
  usage: ['[OPTIONS] NETWORK'],
  operands: { min: 1, max: 1 },
  examples: ['caisson network create back', 'caisson network create --subnet 172.30.0.0/16 --internal lab'],
  flags: {
    attachable: booleanFlag('Enable manual container attachment'),
    auxAddress: mapFlag('Auxiliary IPv4 or IPv6 addresses used by Network driver'),
    driver: stringFlag('Driver to manage the Network', { short: 'd', initial: 'bridge' }),
    gateway: stringsFlag('IPv4 or IPv6 Gateway for the master subnet'),
    internal: booleanFlag('Restrict external access to the network'),
    ipRange: stringsFlag('Allocate container ip from a sub-range'),
    ipamDriver: stringFlag('IP Address Management Driver', { initial: 'default' }),
    ipamOpt: mapFlag('Set IPAM driver specific options'),
    ipv6: booleanFlag('Enable IPv6 networking'),
    label: listFlag('Set metadata on a network', { check: checkLabel }),
    opt: mapFlag('Set driver specific options', { short: 'o' }),
    subnet: stringsFlag('Subnet in CIDR format that represents a network segment'),
  },
  run: async (context, { flags, operands: [name = ''] }) => {
    const config = flags.subnet.map((subnet, index) => ({
      Subnet: subnet,
      ...(flags.ipRange[index] === undefined ? {} : { IPRange: flags.ipRange[index] }),
      ...(flags.gateway[index] === undefined ? {} : { Gateway: flags.gateway[index] }),
      ...(index === 0 && Object.keys(flags.auxAddress).length > 0
        ? { AuxiliaryAddresses: flags.auxAddress }
        : {}),
    }));
    const created = await createNetwork(context.client, {
      Name: name,
      Driver: flags.driver,
      Scope: '',
      EnableIPv6: flags.ipv6,
      IPAM: { Driver: flags.ipamDriver, Options: flags.ipamOpt, Config: config },
      Internal: flags.internal,
      Attachable: flags.attachable,
      Ingress: false,
      ConfigOnly: false,
      ConfigFrom: null,
      Options: flags.opt,
      Labels: toMap(flags.label),
    });
    if (created.Warning) context.say(`WARNING: ${created.Warning}`);
    context.print(created.Id);
    return 0;
  },
});
