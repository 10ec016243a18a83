import { randomBytes } from 'node:crypto';
import { familyOf } from '#base/ip-address.ts';
import { unlessErrno } from '#base/errno.ts';
import {
  formatInterfaceAddress,
  type InterfaceAddress,
  type IpPrefix,
  overlap,
  subnetOf,
} from '#base/ip-prefix.ts';
import { type AddressInfo, type LinkInfo, RouteSocket } from '#linux/rtnetlink.ts';
import {
  addAddress,
  createBridge,
  deleteAddress,
  deleteLink,
  replaceRoute,
  type LinkReference,
  setLinkAlias,
  setLinkUp,
} from '#linux/rtnetlink-messages.ts';
import { networkError } from './network-errors.ts';
import { isOwnerNote } from './orphaned-bridges.ts';
import { broadcastOf } from './endpoint.ts';
import { readSysctl, writeOptionalSysctl, writeSysctls } from './sysctl.ts';

const DEFAULT_MTU = 1500;

/** A bridge in the kernel with the host's addresses on it, which are the gateways of everything on it. */
export interface Bridge {
  readonly name: string;
  readonly index: number;
  readonly mtu: number;
}

export interface BridgeOptions {
  readonly name: string;
  /** The network's name, for errors. */
  readonly network: string;
  /** One a family. */
  readonly gateways: readonly InterfaceAddress[];
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
export function ensureBridge({ name, network, gateways, mtu, note }: BridgeOptions): Bridge {
  using route = RouteSocket.open();
  const link = findLink(route, name) ?? createLink(route, { name, mtu, note });
  if (link.kind !== 'bridge') {
    throw networkError('link-in-the-way', { subject: network, details: { link: name } });
  }
  // An engine's mount namespace may be another one at each of its starts.
  if (isOwnerNote(link.alias) && link.alias !== note) route.request(setLinkAlias(link.index, note));
  const hasIpv6 = gateways.some(({ address }) => familyOf(address) === 'ipv6');
  configure(name, hasIpv6);
  assignAddresses(route, link, gateways);
  route.request(setLinkUp(link.index));
  if (hasIpv6) route.request(loopbackAnswers(link.index));
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
  const subnet = options.gateways.map(subnetOf).find((own) => isUsedElsewhere(route, bridge.index, own));
  if (subnet === undefined) return bridge;
  route.request(...options.gateways.map((gateway) => deleteAddress({ index: bridge.index, ...gateway })));
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
  return unlessErrno(() => route.link(link), 'ENODEV');
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

/** The IPv6 ones that the kernel gives by itself are its own. */
function ownAddressesOf(route: RouteSocket, linkIndex: number): readonly AddressInfo[] {
  return route
    .listAddresses()
    .filter(({ index, address }) => index === linkIndex && !address.startsWith('fe80:'));
}

function ipv4AddressesOf(route: RouteSocket, linkIndex: number): readonly AddressInfo[] {
  return route.listAddresses().filter(({ index, family }) => index === linkIndex && family === 'ipv4');
}

function assignAddresses(route: RouteSocket, link: LinkInfo, wanted: readonly InterfaceAddress[]): void {
  const texts = wanted.map(formatInterfaceAddress);
  const current = ownAddressesOf(route, link.index);
  const isWanted = (info: AddressInfo) => texts.includes(formatInterfaceAddress(info));
  route.request(...current.filter((info) => !isWanted(info)).map(deleteAddress));
  const present = new Set(current.map(formatInterfaceAddress));
  const missing = wanted.filter((address) => !present.has(formatInterfaceAddress(address)));
  route.request(
    ...missing.map((address) => addAddress({ index: link.index, ...address, ...broadcastOf(address) })),
  );
}

/**
 * `route_localnet` lets the host reach published ports by its loopback addresses; the firewall keeps containers from
 * using it the other way. A bridge for IPv4 alone needs no IPv6 address of its own.
 */
function configure(name: string, hasIpv6: boolean): void {
  const interfaceName = name.replaceAll('.', '/');
  writeSysctls({ [`net.ipv4.conf.${interfaceName}.route_localnet`]: '1' });
  writeOptionalSysctl(`net.ipv6.conf.${interfaceName}.disable_ipv6`, hasIpv6 ? '0' : '1');
  if (!hasIpv6) return;
  writeOptionalSysctl(`net.ipv6.conf.${interfaceName}.accept_ra`, '0');
  forwardIpv6();
}

/** The host becomes a router, which would end its own listening to other routers where it is told to (`accept_ra` 1). */
function forwardIpv6(): void {
  if (readSysctl('net.ipv6.conf.all.forwarding') !== '0') return;
  using route = RouteSocket.open();
  for (const { name } of route.listLinks()) {
    const key = `net.ipv6.conf.${name.replaceAll('.', '/')}.accept_ra`;
    if (readSysctl(key) === '1') writeOptionalSysctl(key, '2');
  }
  writeOptionalSysctl('net.ipv6.conf.all.forwarding', '1');
}

/** First of the metrics of such routes: `::1` itself leads over the loopback interface. */
const LOOPBACK_METRIC = 1024;

/**
 * What a container answers to the host's `::1` comes in by the bridge, and IPv6 is strict about devices: without this
 * route it would be dropped. It goes with the bridge.
 */
function loopbackAnswers(index: number) {
  return replaceRoute({
    index,
    destination: { address: '::1', prefixLength: 128 },
    metric: LOOPBACK_METRIC + index,
    isLocal: true,
  });
}
