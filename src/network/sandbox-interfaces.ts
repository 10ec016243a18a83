import { isErrno } from '#linux/errno.ts';
import type { IpFamily } from '#base/ip-address.ts';
import { lastAddress, subnetOf } from '#base/ip-prefix.ts';
import type { RouteSocket } from '#linux/rtnetlink.ts';
import {
  addAddress,
  deleteAddress,
  replaceRoute,
  setLinkDown,
  setLinkName,
  setLinkUp,
} from '#linux/rtnetlink-messages.ts';
import { defaultEndpoint, gatewayOf } from './endpoint.ts';
import type { Endpoint } from './network.ts';
import { writeOptionalSysctl, writeSysctls } from './sysctl.ts';

/* The route socket is one of the sandbox's namespace, and the thread is there. */

const FAMILIES: readonly IpFamily[] = ['ipv4', 'ipv6'];

/**
 * Gives new interfaces their addresses and sets them up, in one message to the kernel. With `arp_notify` the
 * neighbours learn at once who has the address now.
 */
export function configureInterfaces(route: RouteSocket, endpoints: readonly Endpoint[]): void {
  for (const { interfaceName, addresses } of endpoints) {
    if (interfaceName === undefined) continue;
    writeOptionalSysctl(`net.ipv6.conf.${interfaceName}.disable_ipv6`, '1');
    writeSysctls({ [`net.ipv4.conf.${interfaceName}.arp_notify`]: '1' });
    const index = route.linkIndex(interfaceName);
    route.request(
      ...addresses.map((address) =>
        addAddress({ index, ...address, broadcast: lastAddress(subnetOf(address)) }),
      ),
      setLinkUp(index),
    );
  }
}

/** Lets the default route of each family lead over the endpoint that comes first among these. */
export function routeOutward(route: RouteSocket, endpoints: readonly Endpoint[]): void {
  for (const family of FAMILIES) {
    const endpoint = defaultEndpoint(endpoints, family);
    const gateway = endpoint && gatewayOf(endpoint, family);
    if (endpoint?.interfaceName === undefined || gateway === undefined) continue;
    route.request(replaceRoute({ index: route.linkIndex(endpoint.interfaceName), gateway }));
  }
}

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
      setLinkName(index, `gone-${id.slice(0, 8)}`),
    );
  } catch (error) {
    if (!isErrno(error, 'ENODEV', 'EADDRNOTAVAIL')) throw error;
  }
}
