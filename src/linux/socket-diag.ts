import { ipBytes } from '#base/ip-address.ts';
import { isErrno } from './errno.ts';
import { type NetlinkRequest, NetlinkSocket } from './netlink-socket.ts';

/** <linux/netlink.h>, <linux/sock_diag.h>, <linux/inet_diag.h>; sock_diag(7) */
const NETLINK_SOCK_DIAG = 4;
const SOCK_DIAG_BY_FAMILY = 20;
const AF_INET = 2;
const AF_INET6 = 10;
const IPPROTO_TCP = 6;
const TCP_LISTEN = 10;
/** struct inet_diag_req_v2: family, protocol, extensions, states, then the addresses. */
const REQUEST_SIZE = 56;
const STATES_OFFSET = 4;
const SOURCE_PORT_OFFSET = 8;
const TARGET_PORT_OFFSET = 10;
const SOURCE_OFFSET = 12;
const TARGET_OFFSET = 28;
/** INET_DIAG_NOCOOKIE: any socket with these addresses. */
const COOKIE_OFFSET = 48;
/** struct inet_diag_msg */
const STATE_OFFSET = 1;
const RECEIVE_QUEUE_OFFSET = 56;

export interface TcpAddress {
  /** IPv4 or IPv6, also an IPv4 one within IPv6. */
  readonly address: string;
  readonly port: number;
}

/**
 * Bytes that a TCP socket of this network namespace has received and its process has not read; undefined if there is
 * no such socket, or the kernel tells nothing of sockets.
 *
 * @param own the socket's own address
 * @param peer the address of the one it is connected with
 */
export function receivedTcpBytes(own: TcpAddress, peer: TcpAddress): number | undefined {
  try {
    using socket = NetlinkSocket.open(NETLINK_SOCK_DIAG);
    const { body } = socket.get(request(own, peer));
    return body.readUInt8(STATE_OFFSET) === TCP_LISTEN ? undefined : body.readUInt32LE(RECEIVE_QUEUE_OFFSET);
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'EPROTONOSUPPORT')) return undefined;
    throw error;
  }
}

function request(own: TcpAddress, peer: TcpAddress): NetlinkRequest {
  const [source, target] = [ipBytes(own.address), ipBytes(peer.address)];
  const body = Buffer.alloc(REQUEST_SIZE);
  body.writeUInt8(source.length === 4 ? AF_INET : AF_INET6, 0);
  body.writeUInt8(IPPROTO_TCP, 1);
  body.fill(0xff, STATES_OFFSET, STATES_OFFSET + 4);
  body.writeUInt16BE(own.port, SOURCE_PORT_OFFSET);
  body.writeUInt16BE(peer.port, TARGET_PORT_OFFSET);
  source.copy(body, SOURCE_OFFSET);
  target.copy(body, TARGET_OFFSET);
  body.fill(0xff, COOKIE_OFFSET);
  const subject = `${own.address} port ${own.port}`;
  return { type: SOCK_DIAG_BY_FAMILY, flags: 0, body, action: 'look at', subject };
}
