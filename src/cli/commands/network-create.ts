import { messageOf } from '#base/errors.ts';
import { type IpAddress, parseIp } from '#base/ip-address.ts';
import { containsAddress, firstAddress, parsePrefix } from '#base/ip-prefix.ts';
import { createNetwork } from '#client/networks.ts';
import type { IpamPool } from '#wire/decode-network.ts';
import { defineCommand } from '../command.ts';
import { checkLabel, toMap } from '../container-options/key-values.ts';
import { UsageError } from '../usage-error.ts';
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
    ipv4: booleanFlag('Enable IPv4 address assignment', { initial: true }),
    ipv6: booleanFlag('Enable IPv6 networking'),
    label: listFlag('Set metadata on a network', { check: checkLabel }),
    opt: mapFlag('Set driver specific options', { short: 'o' }),
    subnet: stringsFlag('Subnet in CIDR format that represents a network segment'),
  },
  run: async (context, { flags, operands: [name = ''] }) => {
    const config = poolsOf(flags);
    const created = await createNetwork(context.client, {
      Name: name,
      Driver: flags.driver,
      Scope: '',
      EnableIPv4: flags.ipv4,
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

interface PoolFlags {
  readonly subnet: readonly string[];
  readonly ipRange: readonly string[];
  readonly gateway: readonly string[];
  readonly auxAddress: Readonly<Record<string, string>>;
}

/** What is said of subnets is of the one that it lies in. */
function poolsOf({ subnet, ipRange, gateway, auxAddress }: PoolFlags): readonly IpamPool[] {
  const subnets = subnet.map((text) => readFlag('subnet', text, parsePrefix));
  const within = (flag: string, text: string, address: IpAddress) => {
    if (subnets.some((prefix) => containsAddress(prefix, address))) return { text, address };
    throw new UsageError(`--${flag} ${text} lies in none of the subnets: name its subnet with --subnet`);
  };
  const ranges = ipRange.map((text) =>
    within('ip-range', text, firstAddress(readFlag('ip-range', text, parsePrefix))),
  );
  const gateways = gateway.map((text) => within('gateway', text, readFlag('gateway', text, parseIp)));
  const reserved = Object.entries(auxAddress).map(([name, text]) => ({
    name,
    ...within('aux-address', text, readFlag('aux-address', text, parseIp)),
  }));
  return subnets.map((prefix) => {
    const isWithin = ({ address }: { readonly address: IpAddress }) => containsAddress(prefix, address);
    const range = ranges.find(isWithin);
    const router = gateways.find(isWithin);
    const others = reserved.filter(isWithin).map(({ name, text }) => [name, text]);
    return {
      Subnet: prefix,
      ...(range && { IPRange: range.text }),
      ...(router && { Gateway: router.text }),
      ...(others.length > 0 && { AuxiliaryAddresses: Object.fromEntries(others) }),
    };
  });
}

/** @throws {UsageError} naming the flag */
function readFlag<Value>(flag: string, text: string, read: (text: string) => Value): Value {
  try {
    return read(text);
  } catch (cause) {
    throw new UsageError(`invalid argument ${JSON.stringify(text)} for --${flag}: ${messageOf(cause)}`);
  }
}
