/** How much of a network's subnets is taken. */
import { ipToNumber } from '#base/ip-address.ts';
import { boundsOf, containsAddress, type IpPrefix, prefixFamily } from '#base/ip-prefix.ts';
import type { NetworkMember, NetworkRecord, Pool } from '#network/network.ts';
import type { SubnetStatus } from '#wire/network.ts';

export function encodeSubnets(
  { pools }: Pick<NetworkRecord, 'pools'>,
  members: readonly NetworkMember[],
): Readonly<Record<string, SubnetStatus>> {
  return Object.fromEntries(pools.map((pool) => [pool.subnet, subnetStatus(pool, members)]));
}

function subnetStatus(
  { subnet, range = subnet, gateway, reserved = {} }: Pool,
  members: readonly NetworkMember[],
): SubnetStatus {
  const endpoints = members.flatMap(({ endpoint }) => endpoint.addresses.map(({ address }) => address));
  const taken = [gateway, ...Object.values(reserved), ...endpoints].filter((address) =>
    containsAddress(subnet, address),
  );
  const used = new Set([...unusable(subnet), ...taken.map(ipToNumber)]);
  const { first, last } = boundsOf(range);
  const usedInRange = [...used].filter((address) => address >= first && address <= last).length;
  return {
    IPsInUse: used.size,
    DynamicIPsAvailable: toSafeInteger(last - first + 1n - BigInt(usedInRange)),
  };
}

/** The network itself, and IPv4's broadcast address. */
function unusable(subnet: IpPrefix): readonly bigint[] {
  const { first, last } = boundsOf(subnet);
  return prefixFamily(subnet) === 'ipv4' ? [first, last] : [first];
}

/** JSON's readers know 53 bits: what is more than that is as good as without end. */
function toSafeInteger(value: bigint): number {
  return Number(value > BigInt(Number.MAX_SAFE_INTEGER) ? Number.MAX_SAFE_INTEGER : value);
}
