import { SOCK_CLOEXEC, SOCK_NONBLOCK, SOCK_STREAM, SOL_SOCKET } from './constants.ts';
import { closeFd } from './descriptors.ts';
import { ipBytes } from '#base/ip-address.ts';
import { check, libc } from './libc.ts';
import { u32 } from './netlink-attributes.ts';

type TransportProtocol = 'tcp' | 'udp' | 'sctp';

export interface InetSocketOptions {
  readonly protocol: TransportProtocol;
  /** IPv4 or IPv6; an IPv6 socket never answers for IPv4. */
  readonly address: string;
  readonly port: number;
  /** Ignore connections that are still closing (SO_REUSEADDR, socket(7)); two such sockets may share a port. */
  readonly reuseAddress?: boolean;
  /** Listen, with this many waiting connections. */
  readonly backlog?: number;
}

/** <sys/socket.h>, <netinet/in.h>; equal on x86-64 and arm64. */
const AF_INET = 2;
const AF_INET6 = 10;
const SOCK_DGRAM = 2;
const IPPROTO_SCTP = 132;
const IPPROTO_IPV6 = 41;
const IPV6_V6ONLY = 26;
const SO_REUSEADDR = 2;
/** Offsets of struct sockaddr_in (16 bytes) and sockaddr_in6 (28 bytes): family, port, then the address. */
const IPV4_ADDRESS_OFFSET = 4;
const IPV6_ADDRESS_OFFSET = 8;

/**
 * A bound socket, not blocking, close-on-exec, in the network namespace of the calling thread. The caller owns the
 * descriptor: Node's `net` and `dgram` can serve it (`listen({ fd })`, `bind({ fd })`).
 *
 * @throws {SystemError} `EADDRINUSE`, `EADDRNOTAVAIL`, `EACCES`, or `EAFNOSUPPORT` and `EPROTONOSUPPORT` where the
 *   kernel lacks the family or protocol
 */
export function bindInetSocket(options: InetSocketOptions): number {
  const subject = `${options.protocol} ${options.address} port ${options.port}`;
  const bytes = ipBytes(options.address);
  const type = (options.protocol === 'udp' ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC | SOCK_NONBLOCK;
  const family = bytes.length === 4 ? AF_INET : AF_INET6;
  const protocol = options.protocol === 'sctp' ? IPPROTO_SCTP : 0;
  const fd = check('socket', subject, libc.socket(family, type, protocol));
  using undo = new DisposableStack();
  undo.defer(() => closeFd(fd));
  if (family === AF_INET6) setOption(fd, IPPROTO_IPV6, IPV6_V6ONLY, subject);
  if (options.reuseAddress) setOption(fd, SOL_SOCKET, SO_REUSEADDR, subject);
  const address = socketAddress(family, bytes, options.port);
  check('bind', subject, libc.bind(fd, address, address.length));
  if (options.backlog !== undefined) check('listen', subject, libc.listen(fd, options.backlog));
  undo.move();
  return fd;
}

function setOption(fd: number, level: number, option: number, subject: string): void {
  check('setsockopt', subject, libc.setsockopt(fd, level, option, u32(1), 4));
}

function socketAddress(family: number, bytes: Buffer, port: number): Buffer {
  const ipv4 = family === AF_INET;
  const buffer = Buffer.alloc(ipv4 ? 16 : 28);
  buffer.writeUInt16LE(family, 0);
  buffer.writeUInt16BE(port, 2);
  bytes.copy(buffer, ipv4 ? IPV4_ADDRESS_OFFSET : IPV6_ADDRESS_OFFSET);
  return buffer;
}
