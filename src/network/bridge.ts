import { randomBytes } from 'node:crypto';
import { EngineError } from '#base/errors.ts';
import { FAMILY_BITS, familyOf, isIpAddress } from '#base/ip-address.ts';
import {
  formatInterfaceAddress,
  type InterfaceAddress,
  type IpPrefix,
  lastAddress,
  overlap,
  prefixOf,
  subnetOf,
} from '#base/ip-prefix.ts';
import { isErrno } from '#linux/errno.ts';
import { type AddressInfo, type LinkInfo, RouteSocket } from '#linux/rtnetlink.ts';
import {
  addAddress,
  createBridge,
  deleteAddress,
  deleteLink,
  type LinkReference,
  setLinkUp,
} from '#linux/rtnetlink-messages.ts';
import { chooseSubnet } from './default-subnet.ts';
import { writeOptionalSysctl, writeSysctls } from './sysctl.ts';

const DEFAULT_MTU = 1500;

/** A bridge in the kernel with the host's address on it, which is the gateway of everything on it. */
export interface Bridge {
  readonly name: string;
  readonly index: number;
  readonly gateway: InterfaceAddress;
  readonly mtu: number;
}

export interface BridgeOptions {
  readonly name: string;
  /** Absent: the one that it has, else the first pool that the host does not use. */
  readonly gateway: InterfaceAddress | undefined;
  /** Subnets must not cover them, or the host's own names stop resolving. */
  readonly nameservers: readonly string[];
}

/**
 * Makes sure that the bridge exists, is up and has its address; what is right already is left alone, so that its
 * subnet stays the same over restarts of the engine.
 *
 * @throws {EngineError} `conflict` if a link of another kind has the name, `exhausted` if no subnet is free
 */
export function ensureBridge(options: BridgeOptions): Bridge {
  using route = RouteSocket.open();
  const mtu = defaultMtu(route);
  const link = findLink(route, options.name) ?? createLink(route, options.name, mtu);
  if (link.kind !== 'bridge') {
    throw new EngineError('conflict', `Cannot use link ${options.name} as bridge: it is of another kind`);
  }
  const current = route.listAddresses().filter((info) => info.index === link.index && info.family === 'ipv4');
  const wanted = options.gateway ?? toGateway(current[0]);
  const gateway = wanted ?? claimSubnet(route, link, options);
  if (wanted) assignAddress(route, link, current, wanted);
  route.request(setLinkUp(link.index));
  configure(options.name);
  return { name: options.name, index: link.index, gateway, mtu };
}

/** Deletes a bridge; containers on it are cut off. One that does not exist is fine. */
export function deleteBridge(name: string): void {
  using route = RouteSocket.open();
  if (route.linkExists(name)) route.request(deleteLink(name));
}

function findLink(route: RouteSocket, link: LinkReference): LinkInfo | undefined {
  try {
    return route.link(link);
  } catch (error) {
    if (isErrno(error, 'ENODEV')) return undefined;
    throw error;
  }
}

/** With a MAC address of its own: otherwise it would change whenever a container comes or goes. */
function createLink(route: RouteSocket, name: string, mtu: number): LinkInfo {
  route.request(
    createBridge({
      name,
      mtu,
      mac: `02:42:${randomBytes(4)
        .toString('hex')
        .replace(/..(?!$)/g, '$&:')}`,
    }),
  );
  return route.link(name);
}

/** What the way out of the host can carry. */
function defaultMtu(route: RouteSocket): number {
  const outward = route
    .listRoutes()
    .find(({ family, prefixLength }) => family === 'ipv4' && prefixLength === 0);
  // A route over several links names none: then the number is 0.
  return (outward?.outputIndex && findLink(route, outward.outputIndex)?.mtu) || DEFAULT_MTU;
}

function toGateway(info: AddressInfo | undefined): InterfaceAddress | undefined {
  return info && { address: info.address, prefixLength: info.prefixLength };
}

/**
 * Takes the first pool that nobody uses. Another engine that starts in this very moment may take the same one: then at
 * least one of the two sees the other afterwards, and looks for another pool.
 */
function claimSubnet(route: RouteSocket, link: LinkInfo, options: BridgeOptions): InterfaceAddress {
  for (;;) {
    const gateway = chooseSubnet(subnetsInUse(route, options));
    assignAddress(route, link, [], gateway);
    if (!isUsedElsewhere(route, link, subnetOf(gateway))) return gateway;
    route.request(deleteAddress({ index: link.index, ...gateway }));
  }
}

function isUsedElsewhere(route: RouteSocket, link: LinkInfo, subnet: IpPrefix): boolean {
  return route
    .listAddresses()
    .filter(({ family, index }) => family === 'ipv4' && index !== link.index)
    .some((info) => overlap(subnetOf(info), subnet));
}

function subnetsInUse(route: RouteSocket, options: BridgeOptions): readonly IpPrefix[] {
  const routes = route
    .listRoutes()
    .filter(({ family, prefixLength }) => family === 'ipv4' && prefixLength > 0)
    .map(({ destination, prefixLength }) => prefixOf(destination, prefixLength));
  const addresses = route
    .listAddresses()
    .filter(({ family }) => family === 'ipv4')
    .map(subnetOf);
  const servers = options.nameservers
    .filter(isIpAddress)
    .map((server) => prefixOf(server, FAMILY_BITS[familyOf(server)]));
  return [...routes, ...addresses, ...servers];
}

function assignAddress(
  route: RouteSocket,
  link: LinkInfo,
  current: readonly AddressInfo[],
  wanted: InterfaceAddress,
): void {
  const text = formatInterfaceAddress(wanted);
  const isWanted = (info: AddressInfo) => formatInterfaceAddress(info) === text;
  route.request(...current.filter((info) => !isWanted(info)).map(deleteAddress));
  if (current.some(isWanted)) return;
  route.request(addAddress({ index: link.index, ...wanted, broadcast: lastAddress(subnetOf(wanted)) }));
}

/**
 * `route_localnet` lets the host reach published ports by its loopback addresses; the firewall keeps containers from
 * using it the other way. A bridge for IPv4 alone needs no IPv6 address of its own.
 */
function configure(name: string): void {
  const interfaceName = name.replaceAll('.', '/');
  writeSysctls({ [`net.ipv4.conf.${interfaceName}.route_localnet`]: '1' });
  writeOptionalSysctl(`net.ipv6.conf.${interfaceName}.disable_ipv6`, '1');
}
