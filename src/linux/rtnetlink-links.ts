import { type Attribute, encodeAttributes, macBytes, text, u32, u8 } from './netlink-attributes.ts';
import { NLM_F_CREATE, NLM_F_EXCL, optional, RTM, type RouteMessage } from './rtnetlink-message.ts';

/** <linux/if_link.h> */
export const IFLA = {
  address: 1,
  name: 3,
  mtu: 4,
  link: 5,
  master: 10,
  linkInfo: 18,
  alias: 20,
  familySettings: 26,
  namespaceFd: 28,
  extendedMask: 29,
  transmitQueues: 31,
  receiveQueues: 32,
} as const;
export const IFLA_INFO_KIND = 1;
const IFLA_INFO_DATA = 2;
const IFLA_INFO_SLAVE_KIND = 4;
const IFLA_INFO_SLAVE_DATA = 5;
const VETH_INFO_PEER = 1;
const IFLA_INET6_ADDR_GEN_MODE = 8;
const IN6_ADDR_GEN_MODE_NONE = 1;
const AF_INET6 = 10;
const IFLA_BRPORT_MODE = 4;
const IFLA_BRPORT_ISOLATED = 33;
export const IFF_UP = 1;

/** A link by its index or by its name. */
export type LinkReference = number | string;

/** struct ifinfomsg: family, type, index, flags, mask of the flags to change. */
function linkHeader(index = 0, flags = 0, change = 0): Buffer {
  const buffer = Buffer.alloc(16);
  buffer.writeInt32LE(index, 4);
  buffer.writeUInt32LE(flags, 8);
  buffer.writeUInt32LE(change, 12);
  return buffer;
}

export function linkBody(
  link: LinkReference,
  attributes: readonly Attribute[],
  flags: { readonly up?: boolean | undefined } = {},
): Buffer {
  const change = flags.up === undefined ? 0 : IFF_UP;
  const header = linkHeader(typeof link === 'number' ? link : 0, flags.up ? IFF_UP : 0, change);
  const name: readonly Attribute[] = typeof link === 'string' ? [[IFLA.name, text(link)]] : [];
  return Buffer.concat([header, encodeAttributes([...name, ...attributes])]);
}

export function subjectOf(link: LinkReference): string {
  return typeof link === 'string' ? `link ${link}` : `link number ${link}`;
}

function newLink(name: string, body: Buffer): RouteMessage {
  const flags = NLM_F_CREATE | NLM_F_EXCL;
  return { type: RTM.newLink, flags, body, action: 'create', subject: subjectOf(name) };
}

/** No flags: RTM_NEWLINK then changes what exists. */
function changeLink(
  link: LinkReference,
  attributes: readonly Attribute[],
  flags: { readonly up?: boolean } = {},
): RouteMessage {
  const body = linkBody(link, attributes, flags);
  return { type: RTM.newLink, flags: 0, body, action: 'configure', subject: subjectOf(link) };
}

function linkInfo(kind: string, data?: readonly Attribute[]): Attribute {
  const nested: readonly Attribute[] = data ? [[IFLA_INFO_DATA, data]] : [];
  return [IFLA.linkInfo, [[IFLA_INFO_KIND, text(kind)], ...nested]];
}

/**
 * Creates a bridge, down and without addresses. A fixed `mac` keeps it from changing with its ports; the MTU keeps
 * following theirs.
 */
export function createBridge(options: {
  readonly name: string;
  readonly mtu?: number | undefined;
  readonly mac?: string | undefined;
}): RouteMessage {
  const attributes = [
    ...optional(IFLA.mtu, options.mtu, u32),
    ...optional(IFLA.address, options.mac, macBytes),
    linkInfo('bridge'),
  ];
  return newLink(options.name, linkBody(options.name, attributes));
}

export interface VethOptions {
  readonly name: string;
  readonly peerName: string;
  /** The peer is born in this network namespace. */
  readonly peerNamespaceFd?: number | undefined;
  /** `name` becomes a port of this bridge. */
  readonly masterIndex?: number | undefined;
  readonly peerMac?: string | undefined;
  readonly mtu?: number | undefined;
  /** Sets `name` up; the peer stays down. */
  readonly up?: boolean | undefined;
}

/** The kernel's default, as many as processors, serves XDP alone, and costs time and memory for each link. */
const ONE_QUEUE: readonly Attribute[] = [
  [IFLA.transmitQueues, u32(1)],
  [IFLA.receiveQueues, u32(1)],
];

/** Creates a pair of connected interfaces (veth(4)). */
export function createVeth(options: VethOptions): RouteMessage {
  const mtu = optional(IFLA.mtu, options.mtu, u32);
  const peer = linkBody(options.peerName, [
    ...ONE_QUEUE,
    ...mtu,
    ...optional(IFLA.address, options.peerMac, macBytes),
    ...optional(IFLA.namespaceFd, options.peerNamespaceFd, u32),
  ]);
  const attributes = [
    ...ONE_QUEUE,
    ...mtu,
    ...optional(IFLA.master, options.masterIndex, u32),
    linkInfo('veth', [[VETH_INFO_PEER, peer]]),
  ];
  return newLink(options.name, linkBody(options.name, attributes, { up: options.up }));
}

export function setLinkUp(link: LinkReference): RouteMessage {
  return changeLink(link, [], { up: true });
}

export function setLinkDown(link: LinkReference): RouteMessage {
  return changeLink(link, [], { up: false });
}

/** Makes a link a port of a bridge; master 0 takes it out. */
export function setLinkMaster(link: LinkReference, masterIndex: number): RouteMessage {
  return changeLink(link, [[IFLA.master, u32(masterIndex)]]);
}

/** Writes a note on a link, of at most 255 bytes (`ip link` shows it as its alias). */
export function setLinkAlias(link: LinkReference, alias: string): RouteMessage {
  return changeLink(link, [[IFLA.alias, Buffer.from(alias)]]);
}

/** Renames a link, which must be down on older kernels. */
export function setLinkName(index: number, name: string): RouteMessage {
  return changeLink(index, [[IFLA.name, text(name)]]);
}

function flagByte(value: boolean): Buffer {
  return u8(value ? 1 : 0);
}

/** Hairpin: frames may leave by the port they came from. Isolated: no frames to other isolated ports. */
export function setBridgePort(
  link: LinkReference,
  options: {
    readonly hairpin?: boolean;
    readonly isolated?: boolean;
    /** It never gets an IPv6 address by itself. Only where the kernel has IPv6. */
    readonly withoutLinkLocal?: boolean;
  },
): RouteMessage {
  const data = [
    ...optional(IFLA_BRPORT_MODE, options.hairpin, flagByte),
    ...optional(IFLA_BRPORT_ISOLATED, options.isolated, flagByte),
  ];
  const info: readonly Attribute[] = [
    [IFLA_INFO_SLAVE_KIND, text('bridge')],
    [IFLA_INFO_SLAVE_DATA, data],
  ];
  const families: readonly Attribute[] = options.withoutLinkLocal
    ? [[IFLA.familySettings, [[AF_INET6, [[IFLA_INET6_ADDR_GEN_MODE, u8(IN6_ADDR_GEN_MODE_NONE)]]]]]]
    : [];
  return changeLink(link, [[IFLA.linkInfo, info], ...families]);
}

/** Deletes a link. Blocks for some 25 ms for a veth: dropping its namespace does not. */
export function deleteLink(link: LinkReference): RouteMessage {
  const body = linkBody(link, []);
  return { type: RTM.deleteLink, flags: 0, body, action: 'delete', subject: subjectOf(link) };
}
