import type { IpAddress } from '#base/ip-address.ts';
import { closeFd } from '#linux/descriptors.ts';
import { isErrno } from '#linux/errno.ts';
import { bindInetSocket } from '#linux/inet-socket.ts';
import type { Publication } from './publication.ts';
import { proxyTcp } from './tcp-proxy.ts';
import { proxyUdp } from './udp-proxy.ts';

/**
 * `reserve`: the firewall carries the traffic; the port is only kept from other programs.
 * `proxy`: this process carries the traffic, as for IPv6 to containers that have only IPv4.
 */
export type HoldMode = 'reserve' | 'proxy';

/** The container's address at the moment: a sandbox may lose the endpoint that its ports lead to. */
export type TargetAddress = () => IpAddress;

const BACKLOG = 511;

/**
 * Holds a port of the host until it is disposed, so that any other program that wants it gets EADDRINUSE.
 *
 * @throws {SystemError} EADDRINUSE and the other failures of bind(2)
 */
export function holdHostPort(publication: Publication, mode: HoldMode, target: TargetAddress): Disposable {
  if (publication.protocol === 'sctp') return reserveSctp(publication);
  return mode === 'proxy' ? startProxy(publication, target) : reserve(publication, target);
}

/**
 * A bound socket that does not listen. It must not have SO_REUSEADDR, or others with it could share the port; then
 * connections of an earlier server that are still closing stand in the way, and only listening helps.
 */
function reserve(publication: Publication, target: TargetAddress): Disposable {
  try {
    return closing(bind(publication));
  } catch (error) {
    if (publication.protocol !== 'tcp' || !isErrno(error, 'EADDRINUSE')) throw error;
    return startProxy(publication, target);
  }
}

function startProxy(publication: Publication, target: TargetAddress): Disposable {
  const proxied = {
    get address() {
      return target();
    },
    port: publication.port,
  };
  if (publication.protocol === 'udp') return proxyUdp(bind(publication), publication.hostAddress, proxied);
  return proxyTcp(bind(publication, { reuseAddress: true, backlog: BACKLOG }), proxied);
}

/** Where the kernel has no SCTP, no other program can have the port either. */
function reserveSctp(publication: Publication): Disposable {
  try {
    return closing(bind(publication));
  } catch (error) {
    if (!isErrno(error, 'EPROTONOSUPPORT')) throw error;
    return { [Symbol.dispose]: () => {} };
  }
}

function bind(
  { protocol, hostAddress, hostPort }: Publication,
  options: { readonly reuseAddress?: boolean; readonly backlog?: number } = {},
): number {
  return bindInetSocket({ protocol, address: hostAddress, port: hostPort, ...options });
}

function closing(fd: number): Disposable {
  return { [Symbol.dispose]: () => closeFd(fd) };
}
