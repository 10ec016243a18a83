import { FAMILY_BITS, familyOf, isIpAddress } from '#base/ip-address.ts';
import { type IpPrefix, prefixOf, subnetOf } from '#base/ip-prefix.ts';
import { RouteSocket } from '#linux/rtnetlink.ts';

/**
 * What the host uses: its routes, its addresses, and its name servers, without which its own names would stop
 * resolving.
 */
export function usedSubnets(nameservers: readonly string[]): readonly IpPrefix[] {
  using route = RouteSocket.open();
  const routes = route
    .listRoutes()
    .filter(({ prefixLength }) => prefixLength > 0)
    .map(({ destination, prefixLength }) => prefixOf(destination, prefixLength));
  const servers = nameservers
    .filter(isIpAddress)
    .map((server) => prefixOf(server, FAMILY_BITS[familyOf(server)]));
  return [...routes, ...route.listAddresses().map(subnetOf), ...servers];
}
