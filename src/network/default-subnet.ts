import { createHash } from 'node:crypto';
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
import { formatIp, type IpFamily, ipFromNumber, ipToNumber } from '#base/ip-address.ts';
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
 * The gateway and subnet of the first IPv4 subnet in the pools that touches nothing in use: routes, addresses and name
 * servers of the host, and the subnets of other networks.
 *
 * @throws {EngineError} `no-free-subnet`
 */
export function chooseSubnet(pools: readonly AddressPool[], inUse: readonly IpPrefix[]): InterfaceAddress {
  const free = firstFree(pools, inUse, 'ipv4');
  if (free) return free;
  throw networkError('no-free-subnet');
}

/** The length of the prefix of a unique local subnet (RFC 4193). */
const LOCAL_LENGTH = 64;

/**
 * The same for IPv6: of the pools where they have any of it, else a unique local subnet that is made from the
 * network's id, so that it is the same at every start.
 */
export function chooseSubnet6(
  pools: readonly AddressPool[],
  inUse: readonly IpPrefix[],
  id: string,
): InterfaceAddress {
  const free = firstFree(pools, inUse, 'ipv6');
  if (free) return free;
  const bytes = Buffer.alloc(16);
  bytes[0] = 0xfd;
  createHash('sha256').update(id).digest().copy(bytes, 1, 0, 7);
  bytes[15] = 1;
  return { address: formatIp(bytes), prefixLength: LOCAL_LENGTH };
}

function firstFree(
  pools: readonly AddressPool[],
  inUse: readonly IpPrefix[],
  family: IpFamily,
): InterfaceAddress | undefined {
  for (const pool of pools.filter(({ base }) => prefixFamily(base) === family)) {
    for (const gateway of gatewaysOf(pool)) {
      if (!inUse.some((used) => overlap(used, subnetOf(gateway)))) return gateway;
    }
  }
  return undefined;
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
