import { isErrno } from '#linux/errno.ts';
import { familyOf, type IpFamily } from '#base/ip-address.ts';
import type { RouteSocket } from '#linux/rtnetlink.ts';
import {
  addAddress,
  deleteAddress,
  replaceRoute,
  setLinkDown,
  setLinkName,
  setLinkUp,
} from '#linux/rtnetlink-messages.ts';
import type { RouteMessage } from '#linux/rtnetlink-message.ts';
import { broadcastOf, defaultEndpoint, gatewayOf } from './endpoint.ts';
import { writeOptionalSysctl } from './sysctl.ts';
import type { Endpoint } from './network.ts';

/* The route socket is one of the sandbox's namespace, and the thread is there. */

const FAMILIES: readonly IpFamily[] = ['ipv4', 'ipv6'];

/**
 * Gives new interfaces their addresses, sets them up, and lets the default route of each family lead over the
 * endpoint that comes first among all: in one message to the kernel.
 */
export function configureInterfaces(
  route: RouteSocket,
  fresh: readonly Endpoint[],
  all: readonly Endpoint[],
): void {
  const indexes = new Map<string, number>();
  const messages = fresh.flatMap(({ interfaceName, addresses }) => {
    if (interfaceName === undefined) return [];
    if (addresses.some(({ address }) => familyOf(address) === 'ipv6')) allowIpv6(interfaceName);
    const index = route.linkIndex(interfaceName);
    indexes.set(interfaceName, index);
    const added = addresses.map((address) => addAddress({ index, ...address, ...broadcastOf(address) }));
    return [...added, setLinkUp(index)];
  });
  const indexOf = (name: string) => indexes.get(name) ?? route.linkIndex(name);
  route.request(...messages, ...defaultRoutes(all, indexOf));
}

/** Interfaces are born without. */
function allowIpv6(interfaceName: string): void {
  const own = `net.ipv6.conf.${interfaceName.replaceAll('.', '/')}`;
  writeOptionalSysctl(`${own}.disable_ipv6`, '0');
  writeOptionalSysctl(`${own}.accept_ra`, '0');
}

/** Lets the default route of each family lead over the endpoint that comes first among these. */
export function routeOutward(route: RouteSocket, endpoints: readonly Endpoint[]): void {
  route.request(...defaultRoutes(endpoints, (name) => route.linkIndex(name)));
}

function defaultRoutes(
  endpoints: readonly Endpoint[],
  indexOf: (interfaceName: string) => number,
): readonly RouteMessage[] {
  return FAMILIES.flatMap((family) => {
    const endpoint = defaultEndpoint(endpoints, family);
    const gateway = endpoint && gatewayOf(endpoint, family);
    if (endpoint?.interfaceName === undefined || gateway === undefined) return [];
    return [replaceRoute({ index: indexOf(endpoint.interfaceName), gateway })];
  });
}

const retiredName = (endpointId: string) => `gone-${endpointId.slice(0, 8)}`;

/**
 * Makes an interface useless at once, which deleting its link would take the kernel 12 to 28 ms for: its addresses
 * go, and with them its routes, and its name is free. One that the container has taken away itself is fine.
 */
export function retireInterface(route: RouteSocket, { interfaceName, addresses, id }: Endpoint): void {
  if (interfaceName === undefined) return;
  try {
    const index = route.linkIndex(interfaceName);
    route.request(
      ...addresses.map((address) => deleteAddress({ index, ...address })),
      setLinkDown(index),
      setLinkName(index, retiredName(id)),
    );
  } catch (error) {
    if (!isErrno(error, 'ENODEV', 'EADDRNOTAVAIL')) throw error;
  }
}

/** Takes back {@link retireInterface} for endpoints that are there: a crash came before their end was recorded. */
export function restoreInterfaces(route: RouteSocket, endpoints: readonly Endpoint[]): void {
  const retired = endpoints.flatMap((endpoint) => {
    const { id, interfaceName } = endpoint;
    const name = retiredName(id);
    return interfaceName !== undefined && route.linkExists(name) ? [{ endpoint, interfaceName, name }] : [];
  });
  if (retired.length === 0) return;
  route.request(
    ...retired.map(({ name, interfaceName }) => setLinkName(route.linkIndex(name), interfaceName)),
  );
  const fresh = retired.map(({ endpoint }) => endpoint);
  configureInterfaces(route, fresh, endpoints);
}
