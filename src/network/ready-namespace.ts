import { createHash, randomBytes } from 'node:crypto';
import { basename, join } from 'node:path';
import { ownFd } from '#linux/descriptors.ts';
import {
  createNetworkNamespace,
  inNetworkNamespace,
  openNamespace,
  removeNetworkNamespace,
} from '#linux/namespaces.ts';
import { Nftables } from '#linux/nftables.ts';
import { RouteSocket } from '#linux/rtnetlink.ts';
import { createVeth, setBridgePort, setLinkMaster, setLinkUp } from '#linux/rtnetlink-messages.ts';
import type { Bridge } from './bridge.ts';
import { RESOLVER_REDIRECT } from './resolver-sockets.ts';
import { readSysctl, writeOptionalSysctl, writeSysctls } from './sysctl.ts';

/** What a container calls its interface. */
export const INTERFACE = 'eth0';

/** As dockerd's default runtime spec has them: unprivileged processes may use low ports and send pings. */
const DEFAULT_SYSCTLS = {
  'net.ipv4.ip_unprivileged_port_start': '0',
  'net.ipv4.ping_group_range': '0 2147483647',
} as const;

/** Index of loopback, the first link of every namespace. */
const LOOPBACK = 1;

/** A namespace with all that does not depend on the container that will live in it. */
export interface ReadyNamespace {
  /** Where it is pinned. */
  readonly path: string;
  /** The host's end of its cable. */
  readonly veth: string;
  /** Of its {@link INTERFACE}, which is down and has no address. */
  readonly interfaceIndex: number;
}

/** How the interfaces of namespaces are plugged into a bridge. */
export interface Plug {
  readonly bridge: Bridge;
  /** Whether containers on the bridge may talk to each other. */
  readonly icc: boolean;
}

/** A namespace with loopback and nothing else, pinned at a new path, in steps as {@link buildNamespace} has them. */
export function* buildBareNamespace(directory: string): Generator<string | undefined, void> {
  using undo = new DisposableStack();
  const path = newPath(directory);
  createNetworkNamespace(path);
  undo.defer(() => removeNetworkNamespace(path));
  yield undefined;
  inNetworkNamespace(path, prepareInside);
  undo.move();
  yield path;
}

function newPath(directory: string): string {
  return join(directory, randomBytes(4).toString('hex'));
}

function prepareInside(): void {
  using route = RouteSocket.open();
  route.request(setLinkUp(LOOPBACK));
  writeSysctls(DEFAULT_SYSCTLS);
}

/**
 * Builds a namespace in steps of about a millisecond each, between which the caller may do other work, or not: the
 * last value is the namespace. If iterating stops before or a step fails, nothing is left.
 */
export function* buildNamespace(
  directory: string,
  plug: Plug,
  host: RouteSocket,
): Generator<ReadyNamespace | undefined, void> {
  using undo = new DisposableStack();
  const path = newPath(directory);
  createNetworkNamespace(path);
  undo.defer(() => removeNetworkNamespace(path));
  yield undefined;
  inNetworkNamespace(path, prepareInside);
  const veth = vethName(plug.bridge.name, path);
  createCable(host, plug, veth, path);
  yield undefined;
  const interfaceIndex = inNetworkNamespace(path, prepareInterface);
  inNetworkNamespace(path, () => Nftables.runOnce(RESOLVER_REDIRECT));
  undo.move();
  yield { path, veth, interfaceIndex };
}

/** Links of the engine with this bridge start with it; the rest is the name of the namespace. */
export function vethPrefix(bridgeName: string): string {
  return `cs${createHash('sha256').update(bridgeName).digest('hex').slice(0, 4)}`;
}

export function vethName(bridgeName: string, namespacePath: string): string {
  return `${vethPrefix(bridgeName)}${basename(namespacePath)}`;
}

function createCable(host: RouteSocket, plug: Plug, veth: string, path: string): void {
  using namespace = ownFd(openNamespace(path));
  const { mtu } = plug.bridge;
  host.request(createVeth({ name: veth, peerName: INTERFACE, peerNamespaceFd: namespace.fd, mtu, up: true }));
  plugIn(host, plug, veth);
  writeOptionalSysctl(`net.ipv6.conf.${veth}.disable_ipv6`, '1');
}

/**
 * Makes the host's end a port of the bridge, again if need be. Hairpin, because with br_netfilter a container that
 * reaches itself by a published port gets its frames back by the port they came from. Without icc the ports are
 * isolated from each other; with br_netfilter that would cut off published ports too, and the firewall, which sees
 * bridged packets then, does it instead.
 */
export function plugIn(host: RouteSocket, { bridge, icc }: Plug, veth: string): void {
  const index = host.linkIndex(veth);
  const isolated = !icc && readSysctl('net.bridge.bridge-nf-call-iptables') !== '1';
  host.request(setLinkMaster(index, bridge.index), setBridgePort(index, { hairpin: true, isolated }));
}

/** In the namespace. With `arp_notify` the neighbours learn at once who has the address now. */
function prepareInterface(): number {
  using route = RouteSocket.open();
  writeOptionalSysctl(`net.ipv6.conf.${INTERFACE}.disable_ipv6`, '1');
  writeSysctls({ [`net.ipv4.conf.${INTERFACE}.arp_notify`]: '1' });
  return route.linkIndex(INTERFACE);
}
