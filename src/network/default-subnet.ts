import {
  type InterfaceAddress,
  type IpPrefix,
  firstAddress,
  overlap,
  parsePrefix,
  prefixFamily,
  prefixLengthOf,
  subnetOf,
} from '#base/ip-prefix.ts';
import { ipFromNumber, ipToNumber } from '#base/ip-address.ts';
import { networkError } from './network-errors.ts';
import type { AddressPool } from './network.ts';

/** Docker's default address pools, in its order: 172.17.0.0/16 to 172.31.0.0/16, then 192.168.0.0/20 and on. */
export const DEFAULT_POOLS: readonly AddressPool[] = [
  ...Array.from({ length: 15 }, (_, i) => ({ base: parsePrefix(`172.${17 + i}.0.0/16`), size: 16 })),
  { base: parsePrefix('192.168.0.0/16'), size: 20 },
];

/** The most subnets of one pool that are looked at. */
const MAXIMUM_SUBNETS = 65_536;

/**
 * The gateway and subnet of the first subnet in the pools that touches nothing in use: routes, addresses and name
 * servers of the host, and the subnets of other networks.
 *
 * @throws {EngineError} `no-free-subnet`
 */
export function chooseSubnet(pools: readonly AddressPool[], inUse: readonly IpPrefix[]): InterfaceAddress {
  for (const pool of pools) {
    for (const gateway of gatewaysOf(pool)) {
      if (!inUse.some((used) => overlap(used, subnetOf(gateway)))) return gateway;
    }
  }
  throw networkError('no-free-subnet');
}

/** Each subnet of a pool, with its first address. */
function* gatewaysOf({ base, size }: AddressPool): Generator<InterfaceAddress> {
  const family = prefixFamily(base);
  const bits = family === 'ipv4' ? 32 : 128;
  const first = ipToNumber(firstAddress(base));
  const count = Math.min(2 ** (size - prefixLengthOf(base)), MAXIMUM_SUBNETS);
  for (let index = 0; index < count; index++) {
    const address = first + (BigInt(index) << BigInt(bits - size)) + 1n;
    yield { address: ipFromNumber(address, family), prefixLength: size };
  }
}
