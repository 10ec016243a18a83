import { isErrno } from './errno.ts';
import { type Attribute, decodeAttributes, encodeAttributes, u32, u8 } from './netlink-attributes.ts';
import { type NetlinkRequest, NetlinkSocket } from './netlink-socket.ts';

/** <linux/netlink.h>, <linux/netfilter/nfnetlink.h>, <linux/netfilter/nfnetlink_conntrack.h> */
const NETLINK_NETFILTER = 12;
const NFNL_SUBSYS_CTNETLINK = 1 << 8;
const IPCTNL_MSG_CT_GET = 1;
const IPCTNL_MSG_CT_DELETE = 2;
const CTA_TUPLE_ORIG = 1;
const CTA_ID = 12;
const CTA_FILTER = 25;
const CTA_FILTER_ORIG_FLAGS = 1;
const CTA_TUPLE_PROTO = 2;
const CTA_PROTO_NUM = 1;
const CTA_PROTO_DST_PORT = 3;
/** nf_internals.h: which fields of the tuple to compare. */
const FILTER_PROTO_NUM = 1 << 3;
const FILTER_PROTO_DST_PORT = 1 << 5;
const IPPROTO_UDP = 17;
const AF_INET = 2;
/** struct nfgenmsg: family, version, resource. */
const HEADER_SIZE = 4;

/**
 * Makes the kernel forget the IPv4 conversations over UDP that clients have with a port of this network namespace.
 * A conversation keeps the translation that it began with for as long as the client talks: without this, one that
 * began before a port was published, or with a container that has gone, would never get through.
 *
 * Kernels before 5.8 cannot be asked so; they keep them.
 */
export function forgetUdpConversations(port: number): void {
  using socket = NetlinkSocket.open(NETLINK_NETFILTER);
  try {
    const found = socket.dump(request(IPCTNL_MSG_CT_GET, conversationsWith(port)));
    const deletions = found.map(({ body }) => request(IPCTNL_MSG_CT_DELETE, identity(body)));
    const failures = socket.requestAll(deletions).filter((error) => error && !isErrno(error, 'ENOENT'));
    for (const failure of failures) if (failure) throw failure;
  } catch (error) {
    if (!isErrno(error, 'EOPNOTSUPP', 'EINVAL')) throw error;
  }
}

function request(type: number, attributes: Buffer): NetlinkRequest {
  const header = Buffer.from([AF_INET, 0, 0, 0]);
  const body = Buffer.concat([header, attributes]);
  return { type: NFNL_SUBSYS_CTNETLINK | type, flags: 0, body, action: 'forget', subject: 'conversations' };
}

function conversationsWith(port: number): Buffer {
  const bigEndianPort = Buffer.alloc(2);
  bigEndianPort.writeUInt16BE(port);
  const protocol: readonly Attribute[] = [
    [CTA_PROTO_NUM, u8(IPPROTO_UDP)],
    [CTA_PROTO_DST_PORT, bigEndianPort],
  ];
  return encodeAttributes([
    [CTA_TUPLE_ORIG, [[CTA_TUPLE_PROTO, protocol]]],
    [CTA_FILTER, [[CTA_FILTER_ORIG_FLAGS, u32(FILTER_PROTO_NUM | FILTER_PROTO_DST_PORT)]]],
  ]);
}

/** The id makes sure that it is still the same conversation. */
function identity(body: Buffer): Buffer {
  const attributes = decodeAttributes(body.subarray(HEADER_SIZE));
  const NESTED = 0x8000;
  return encodeAttributes(
    [CTA_TUPLE_ORIG | NESTED, CTA_ID].flatMap((type) => {
      const value = attributes.get(type & ~NESTED);
      return value ? [[type, value] as const] : [];
    }),
  );
}
