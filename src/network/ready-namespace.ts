import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { createNetworkNamespace, inNetworkNamespace, removeNetworkNamespace } from '#linux/namespaces.ts';
import { Nftables } from '#linux/nftables.ts';
import { RouteSocket } from '#linux/rtnetlink.ts';
import { setLinkUp } from '#linux/rtnetlink-messages.ts';
import { RESOLVER_REDIRECT } from './resolver-sockets.ts';
import { writeOptionalSysctl, writeSysctls } from './sysctl.ts';

/**
 * Settings of dockerd's default runtime spec: unprivileged processes may use low ports and send pings. Interfaces that
 * will be born here have no IPv6, and with `arp_notify` the neighbours learn at once who has an address now.
 */
const DEFAULT_SYSCTLS = {
  'net.ipv4.ip_unprivileged_port_start': '0',
  'net.ipv4.ping_group_range': '0 2147483647',
  'net.ipv4.conf.default.arp_notify': '1',
} as const;

/** Index of loopback, the first link of every namespace. */
const LOOPBACK = 1;

/**
 * Builds a namespace with all that depends neither on the container that will live in it nor on its networks. It has
 * loopback alone: the links of endpoints are born in it when it is taken (0.6 ms of a thread), so that the host shows
 * none for namespaces that wait. It comes in steps of about a millisecond each, between which the caller may do other
 * work, or not: the last value is the path at which the namespace is pinned. If iterating stops before or a step fails,
 * nothing is left.
 */
export function* buildNamespace(directory: string): Generator<string | undefined, void> {
  using undo = new DisposableStack();
  const path = join(directory, randomBytes(4).toString('hex'));
  createNetworkNamespace(path);
  undo.defer(() => removeNetworkNamespace(path));
  yield undefined;
  inNetworkNamespace(path, prepareInside);
  yield undefined;
  inNetworkNamespace(path, () => Nftables.runOnce(RESOLVER_REDIRECT));
  undo.move();
  yield path;
}

function prepareInside(): void {
  using route = RouteSocket.open();
  route.request(setLinkUp(LOOPBACK));
  writeSysctls(DEFAULT_SYSCTLS);
  writeOptionalSysctl('net.ipv6.conf.default.disable_ipv6', '1');
}
