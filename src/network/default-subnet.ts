import {
  type InterfaceAddress,
  type IpPrefix,
  overlap,
  parseInterfaceAddress,
  subnetOf,
} from '#base/ip-prefix.ts';
import { networkError } from './network-errors.ts';

/** Docker's default address pools, in its order: 172.17.0.0/16 to 172.31.0.0/16, then 192.168.0.0/20 and on. */
export const DEFAULT_POOLS: readonly InterfaceAddress[] = [
  ...Array.from({ length: 15 }, (_, i) => parseInterfaceAddress(`172.${17 + i}.0.1/16`)),
  ...Array.from({ length: 16 }, (_, i) => parseInterfaceAddress(`192.168.${16 * i}.1/20`)),
];

/**
 * The gateway and subnet of the first default pool that touches nothing in use: routes, addresses and name servers
 * of the host, and the subnets of other networks.
 *
 * @throws {EngineError} `no-free-subnet`
 */
export function chooseSubnet(inUse: readonly IpPrefix[]): InterfaceAddress {
  const free = DEFAULT_POOLS.find((pool) => !inUse.some((used) => overlap(used, subnetOf(pool))));
  if (free) return free;
  throw networkError('no-free-subnet');
}
