import { randomBytes } from 'node:crypto';
import {
  formatInterfaceAddress,
  type InterfaceAddress,
  type IpPrefix,
  lastAddress,
  overlap,
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
  setLinkAlias,
  setLinkUp,
} from '#linux/rtnetlink-messages.ts';
import { networkError } from './network-errors.ts';
import { isOwnerNote } from './orphaned-bridges.ts';
import { writeOptionalSysctl, writeSysctls } from './sysctl.ts';

const DEFAULT_MTU = 1500;

/** A bridge in the kernel with the host's address on it, which is the gateway of everything on it. */
export interface Bridge {
  readonly name: string;
  readonly index: number;
  readonly mtu: number;
}

export interface BridgeOptions {
  readonly name: string;
  /** The network's name, for errors. */
  readonly network: string;
  readonly gateway: InterfaceAddress;
  readonly mtu: number;
  /** Written on the link where the engine makes it. */
  readonly note: string;
}

/**
 * Makes sure that the bridge exists, is up and has its address; what is right already stays as it is
 * over restarts of the engine.
 *
 * @throws {EngineError} `link-in-the-way`
 */
export function ensureBridge({ name, network, gateway, mtu, note }: BridgeOptions): Bridge {
  using route = RouteSocket.open();
  const link = findLink(route, name) ?? createLink(route, { name, mtu, note });
  if (link.kind !== 'bridge') {
    throw networkError('link-in-the-way', { subject: network, details: { link: name } });
  }
  // An engine's mount namespace may be another one at each of its starts.
  if (isOwnerNote(link.alias) && link.alias !== note) route.request(setLinkAlias(link.index, note));
  assignAddress(route, link, gateway);
  route.request(setLinkUp(link.index));
  configure(name);
  return { name, index: link.index, mtu };
}

/**
 * The same for a subnet that was just chosen. Another program may have taken it since: then at least one of the two
 * sees the other afterwards, and takes another.
 *
 * @throws {EngineError} `subnet-in-use`: the bridge has no address then
 */
export function claimBridge(options: BridgeOptions): Bridge {
  const bridge = ensureBridge(options);
  using route = RouteSocket.open();
  const subnet = subnetOf(options.gateway);
  if (!isUsedElsewhere(route, bridge.index, subnet)) return bridge;
  route.request(deleteAddress({ index: bridge.index, ...options.gateway }));
  throw networkError('subnet-in-use', { subject: options.network, details: { subnet } });
}

/** Deletes a bridge; what is on it is cut off. One that does not exist is fine. */
export function deleteBridge(name: string): void {
  using route = RouteSocket.open();
  if (route.linkExists(name)) route.request(deleteLink(name));
}

export function bridgeExists(name: string): boolean {
  using route = RouteSocket.open();
  return route.linkExists(name);
}

/** The IPv4 address that a bridge has already. */
export function bridgeAddress(name: string): InterfaceAddress | undefined {
  using route = RouteSocket.open();
  const link = findLink(route, name);
  const info = link && ipv4AddressesOf(route, link.index)[0];
  return info && { address: info.address, prefixLength: info.prefixLength };
}

function findLink(route: RouteSocket, link: LinkReference): LinkInfo | undefined {
  try {
    return route.link(link);
  } catch (error) {
    if (isErrno(error, 'ENODEV')) return undefined;
    throw error;
  }
}

/** Makes the link with a MAC address of its own, which would otherwise change whenever a container comes or goes. */
function createLink(
  route: RouteSocket,
  { name, mtu, note }: Pick<BridgeOptions, 'name' | 'mtu' | 'note'>,
): LinkInfo {
  const digits = randomBytes(4).toString('hex');
  const mac = `02:42:${digits.replace(/..(?!$)/g, '$&:')}`;
  route.request(createBridge({ name, mtu, mac }), setLinkAlias(name, note));
  return route.link(name);
}

/** The MTU of the link of the host's default route. */
export function outwardMtu(): number {
  using route = RouteSocket.open();
  const outward = route
    .listRoutes()
    .find(({ family, prefixLength }) => family === 'ipv4' && prefixLength === 0);
  // A route over several links names none: then the number is 0.
  return (outward?.outputIndex && findLink(route, outward.outputIndex)?.mtu) || DEFAULT_MTU;
}

function isUsedElsewhere(route: RouteSocket, ownIndex: number, subnet: IpPrefix): boolean {
  return route
    .listAddresses()
    .filter(({ index }) => index !== ownIndex)
    .some((info) => overlap(subnetOf(info), subnet));
}

function ipv4AddressesOf(route: RouteSocket, linkIndex: number): readonly AddressInfo[] {
  return route.listAddresses().filter(({ index, family }) => index === linkIndex && family === 'ipv4');
}

function assignAddress(route: RouteSocket, link: LinkInfo, wanted: InterfaceAddress): void {
  const text = formatInterfaceAddress(wanted);
  const current = ipv4AddressesOf(route, link.index);
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
