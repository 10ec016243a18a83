import { ipBytes } from './ip-address.ts';
import { type Attribute, encodeAttributes, macBytes, text, u16, u32, u8 } from './netlink-attributes.ts';

/** A request to the kernel's routing and link tables (rtnetlink(7)), and the words for its failure. */
export interface RouteMessage {
  readonly type: number;
  /** Beside NLM_F_REQUEST and NLM_F_ACK, which the socket adds. */
  readonly flags: number;
  readonly body: Buffer;
  /** "create", "configure", …, for "Cannot <action> <subject>". */
  readonly action: string;
  readonly subject: string;
}

/** <linux/rtnetlink.h> */
export const RTM = {
  newLink: 16,
  deleteLink: 17,
  getLink: 18,
  newAddress: 20,
  deleteAddress: 21,
  getAddress: 22,
  newRoute: 24,
  deleteRoute: 25,
  getRoute: 26,
  newNeighbour: 28,
} as const;

/** <linux/netlink.h> */
const NLM_F_REPLACE = 0x100;
const NLM_F_EXCL = 0x200;
const NLM_F_CREATE = 0x400;

/** <linux/if_link.h> */
export const IFLA = {
  address: 1,
  name: 3,
  mtu: 4,
  link: 5,
  master: 10,
  linkInfo: 18,
  namespaceFd: 28,
  extendedMask: 29,
} as const;
export const IFLA_INFO_KIND = 1;
const IFLA_INFO_DATA = 2;
const IFLA_INFO_SLAVE_KIND = 4;
const IFLA_INFO_SLAVE_DATA = 5;
const VETH_INFO_PEER = 1;
const IFLA_BRPORT_MODE = 4;
const IFLA_BRPORT_ISOLATED = 33;
const IFLA_MACVLAN_MODE = 1;
const IFLA_IPVLAN_MODE = 1;
const IFLA_VLAN_ID = 1;
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

function linkBody(
  link: LinkReference,
  attributes: readonly Attribute[],
  flags: { readonly up?: boolean | undefined } = {},
): Buffer {
  const change = flags.up === undefined ? 0 : IFF_UP;
  const header = linkHeader(typeof link === 'number' ? link : 0, flags.up ? IFF_UP : 0, change);
  const name: readonly Attribute[] = typeof link === 'string' ? [[IFLA.name, text(link)]] : [];
  return Buffer.concat([header, encodeAttributes([...name, ...attributes])]);
}

function subjectOf(link: LinkReference): string {
  return typeof link === 'string' ? `link ${link}` : `link number ${link}`;
}

function newLink(name: string, body: Buffer): RouteMessage {
  const flags = NLM_F_CREATE | NLM_F_EXCL;
  return { type: RTM.newLink, flags, body, action: 'create', subject: subjectOf(name) };
}

/** With no flags, RTM_NEWLINK changes what exists. */
function changeLink(
  link: LinkReference,
  attributes: readonly Attribute[],
  flags: { readonly up?: boolean } = {},
): RouteMessage {
  const body = linkBody(link, attributes, flags);
  return { type: RTM.newLink, flags: 0, body, action: 'configure', subject: subjectOf(link) };
}

/** An attribute if its value is there. */
function optional<T>(type: number, value: T | undefined, encode: (value: T) => Buffer): readonly Attribute[] {
  return value === undefined ? [] : [[type, encode(value)]];
}

function linkInfo(kind: string, data?: readonly Attribute[]): Attribute {
  const nested: readonly Attribute[] = data ? [[IFLA_INFO_DATA, data]] : [];
  return [IFLA.linkInfo, [[IFLA_INFO_KIND, text(kind)], ...nested]];
}

/**
 * Creates a bridge, down and without addresses. A fixed `mac` keeps it from changing with its ports; the MTU keeps
 * following theirs unless {@link setLinkMtu} sets it afterwards.
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

/** Creates a pair of connected interfaces (veth(4)). */
export function createVeth(options: VethOptions): RouteMessage {
  const mtu = optional(IFLA.mtu, options.mtu, u32);
  const peer = linkBody(options.peerName, [
    ...mtu,
    ...optional(IFLA.address, options.peerMac, macBytes),
    ...optional(IFLA.namespaceFd, options.peerNamespaceFd, u32),
  ]);
  const attributes = [
    ...mtu,
    ...optional(IFLA.master, options.masterIndex, u32),
    linkInfo('veth', [[VETH_INFO_PEER, peer]]),
  ];
  return newLink(options.name, linkBody(options.name, attributes, { up: options.up }));
}

/** A dummy interface: it exists and carries nothing (the parent of internal macvlan networks). */
export function createDummy(options: {
  readonly name: string;
  readonly mtu?: number | undefined;
}): RouteMessage {
  const attributes = [...optional(IFLA.mtu, options.mtu, u32), linkInfo('dummy')];
  return newLink(options.name, linkBody(options.name, attributes));
}

export interface VlanOptions {
  readonly name: string;
  readonly parentIndex: number;
  /** 1 to 4094. */
  readonly id: number;
}

/** An IEEE 802.1Q interface on top of another (`eth0.10`). */
export function createVlan(options: VlanOptions): RouteMessage {
  const attributes: readonly Attribute[] = [
    [IFLA.link, u32(options.parentIndex)],
    linkInfo('vlan', [[IFLA_VLAN_ID, u16(options.id)]]),
  ];
  return newLink(options.name, linkBody(options.name, attributes));
}

/** <linux/if_link.h>: enum macvlan_mode. */
const MACVLAN_MODES = { private: 1, vepa: 2, bridge: 4, passthru: 8 } as const;

export interface MacvlanOptions {
  readonly name: string;
  readonly parentIndex: number;
  readonly mode: keyof typeof MACVLAN_MODES;
  readonly mac?: string | undefined;
  readonly namespaceFd?: number | undefined;
  readonly mtu?: number | undefined;
}

/** An interface with a MAC address of its own on a parent. */
export function createMacvlan(options: MacvlanOptions): RouteMessage {
  const attributes: readonly Attribute[] = [
    [IFLA.link, u32(options.parentIndex)],
    ...optional(IFLA.mtu, options.mtu, u32),
    ...optional(IFLA.address, options.mac, macBytes),
    ...optional(IFLA.namespaceFd, options.namespaceFd, u32),
    linkInfo('macvlan', [[IFLA_MACVLAN_MODE, u32(MACVLAN_MODES[options.mode])]]),
  ];
  return newLink(options.name, linkBody(options.name, attributes));
}

/** <linux/if_link.h>: enum ipvlan_mode. */
const IPVLAN_MODES = { l2: 0, l3: 1, l3s: 2 } as const;

export interface IpvlanOptions {
  readonly name: string;
  readonly parentIndex: number;
  readonly mode: keyof typeof IPVLAN_MODES;
  readonly namespaceFd?: number | undefined;
  readonly mtu?: number | undefined;
}

/** An interface that shares its parent's MAC address. */
export function createIpvlan(options: IpvlanOptions): RouteMessage {
  const attributes: readonly Attribute[] = [
    [IFLA.link, u32(options.parentIndex)],
    ...optional(IFLA.mtu, options.mtu, u32),
    ...optional(IFLA.namespaceFd, options.namespaceFd, u32),
    linkInfo('ipvlan', [[IFLA_IPVLAN_MODE, u16(IPVLAN_MODES[options.mode])]]),
  ];
  return newLink(options.name, linkBody(options.name, attributes));
}

export function setLinkUp(link: LinkReference): RouteMessage {
  return changeLink(link, [], { up: true });
}

export function setLinkDown(link: LinkReference): RouteMessage {
  return changeLink(link, [], { up: false });
}

/** Makes a link a port of a bridge; master 0 takes it out. */
export function setLinkMaster(index: number, masterIndex: number): RouteMessage {
  return changeLink(index, [[IFLA.master, u32(masterIndex)]]);
}

/** Renames a link, which must be down on older kernels. */
export function setLinkName(index: number, name: string): RouteMessage {
  return changeLink(index, [[IFLA.name, text(name)]]);
}

export function setLinkMac(index: number, mac: string): RouteMessage {
  return changeLink(index, [[IFLA.address, macBytes(mac)]]);
}

export function setLinkMtu(index: number, mtu: number): RouteMessage {
  return changeLink(index, [[IFLA.mtu, u32(mtu)]]);
}

/** Moves a link into another network namespace. */
export function setLinkNamespace(link: LinkReference, namespaceFd: number): RouteMessage {
  return changeLink(link, [[IFLA.namespaceFd, u32(namespaceFd)]]);
}

function flagByte(value: boolean): Buffer {
  return u8(value ? 1 : 0);
}

/** Hairpin: frames may leave by the port they came from. Isolated: no frames to other isolated ports. */
export function setBridgePort(
  index: number,
  options: { readonly hairpin?: boolean; readonly isolated?: boolean },
): RouteMessage {
  const data = [
    ...optional(IFLA_BRPORT_MODE, options.hairpin, flagByte),
    ...optional(IFLA_BRPORT_ISOLATED, options.isolated, flagByte),
  ];
  const info: readonly Attribute[] = [
    [IFLA_INFO_SLAVE_KIND, text('bridge')],
    [IFLA_INFO_SLAVE_DATA, data],
  ];
  return changeLink(index, [[IFLA.linkInfo, info]]);
}

/** Deletes a link. Blocks for some 25 ms for a veth: dropping its namespace does not. */
export function deleteLink(link: LinkReference): RouteMessage {
  const body = linkBody(link, []);
  return { type: RTM.deleteLink, flags: 0, body, action: 'delete', subject: subjectOf(link) };
}

/** <linux/if_addr.h> */
const IFA_ADDRESS = 1;
const IFA_LOCAL = 2;
const IFA_BROADCAST = 4;
/** Skip duplicate address detection: the address, which we allocated, is usable at once. */
const IFA_F_NODAD = 0x02;

export interface AddressOptions {
  /** Of the link. */
  readonly index: number;
  readonly address: string;
  readonly prefixLength: number;
  /** IPv4 only. */
  readonly broadcast?: string | undefined;
}

/** Gives a link an address; an IPv6 address is usable at once. */
export function addAddress(options: AddressOptions): RouteMessage {
  const flags = NLM_F_CREATE | NLM_F_EXCL;
  return { ...addressMessage(options), type: RTM.newAddress, flags, action: 'add' };
}

export function deleteAddress(options: AddressOptions): RouteMessage {
  return { ...addressMessage(options), type: RTM.deleteAddress, flags: 0, action: 'remove' };
}

/** struct ifaddrmsg: family, prefix length, flags, scope, index. */
function addressMessage(options: AddressOptions): Pick<RouteMessage, 'body' | 'subject'> {
  const bytes = ipBytes(options.address);
  const header = Buffer.alloc(8);
  header[0] = familyNumber(bytes);
  header[1] = options.prefixLength;
  header[2] = bytes.length === 16 ? IFA_F_NODAD : 0;
  header.writeUInt32LE(options.index, 4);
  const attributes: readonly Attribute[] = [
    [IFA_LOCAL, bytes],
    [IFA_ADDRESS, bytes],
    ...optional(IFA_BROADCAST, options.broadcast, ipBytes),
  ];
  return {
    body: Buffer.concat([header, encodeAttributes(attributes)]),
    subject: `address ${options.address}/${options.prefixLength}`,
  };
}

/** <sys/socket.h>: AF_INET and AF_INET6. */
const AF_INET = 2;
const AF_INET6 = 10;

function familyNumber(address: Buffer): number {
  return address.length === 4 ? AF_INET : AF_INET6;
}

/** <linux/rtnetlink.h> */
export const RTA = {
  destination: 1,
  outputIndex: 4,
  gateway: 5,
  priority: 6,
  preferredSource: 7,
  table: 15,
} as const;
export const RT_TABLE_MAIN = 254;
const RTPROT_STATIC = 4;
const RT_SCOPE_UNIVERSE = 0;
const RT_SCOPE_LINK = 253;
export const RTN_UNICAST = 1;

export interface RouteOptions {
  /** The default route if left out. */
  readonly destination?: { readonly address: string; readonly prefixLength: number } | undefined;
  readonly gateway?: string | undefined;
  /** Of the link to leave by. */
  readonly index: number;
  /** Lower wins. */
  readonly metric?: number | undefined;
  readonly preferredSource?: string | undefined;
  /** Of a default route without gateway; otherwise the addresses tell. */
  readonly family?: 'ipv4' | 'ipv6' | undefined;
}

/** Adds a route to the main table; one that exists is a conflict. */
export function addRoute(options: RouteOptions): RouteMessage {
  const flags = NLM_F_CREATE | NLM_F_EXCL;
  return { ...routeMessage(options), type: RTM.newRoute, flags, action: 'add' };
}

/** Adds a route, or replaces the one to the same destination. */
export function replaceRoute(options: RouteOptions): RouteMessage {
  const flags = NLM_F_CREATE | NLM_F_REPLACE;
  return { ...routeMessage(options), type: RTM.newRoute, flags, action: 'replace' };
}

export function deleteRoute(options: RouteOptions): RouteMessage {
  return { ...routeMessage(options), type: RTM.deleteRoute, flags: 0, action: 'remove' };
}

/** struct rtmsg: family, destination and source prefix, tos, table, protocol, scope, type, flags. */
function routeMessage(options: RouteOptions): Pick<RouteMessage, 'body' | 'subject'> {
  const { destination } = options;
  const header = Buffer.alloc(12);
  header[0] = routeFamily(options);
  header[1] = destination?.prefixLength ?? 0;
  header[4] = RT_TABLE_MAIN;
  header[5] = RTPROT_STATIC;
  header[6] = options.gateway === undefined ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
  header[7] = RTN_UNICAST;
  const attributes: readonly Attribute[] = [
    ...optional(RTA.destination, destination?.address, ipBytes),
    [RTA.outputIndex, u32(options.index)],
    ...optional(RTA.gateway, options.gateway, ipBytes),
    ...optional(RTA.priority, options.metric, u32),
    ...optional(RTA.preferredSource, options.preferredSource, ipBytes),
  ];
  const subject = destination ? `route ${destination.address}/${destination.prefixLength}` : 'default route';
  return { body: Buffer.concat([header, encodeAttributes(attributes)]), subject };
}

function routeFamily(options: RouteOptions): number {
  const address = options.destination?.address ?? options.gateway;
  if (address !== undefined) return familyNumber(ipBytes(address));
  return options.family === 'ipv6' ? AF_INET6 : AF_INET;
}

/** <linux/neighbour.h> */
const NDA_DST = 1;
const NDA_LLADDR = 2;
const NUD_PERMANENT = 0x80;

/** Makes a link know which MAC address an IP address has, for good. Replaces what it knew. */
export function addNeighbour(options: {
  readonly index: number;
  readonly address: string;
  readonly mac: string;
}): RouteMessage {
  const bytes = ipBytes(options.address);
  const header = Buffer.alloc(12);
  header[0] = familyNumber(bytes);
  header.writeInt32LE(options.index, 4);
  header.writeUInt16LE(NUD_PERMANENT, 8);
  const attributes: readonly Attribute[] = [
    [NDA_DST, bytes],
    [NDA_LLADDR, macBytes(options.mac)],
  ];
  return {
    type: RTM.newNeighbour,
    flags: NLM_F_CREATE | NLM_F_REPLACE,
    body: Buffer.concat([header, encodeAttributes(attributes)]),
    action: 'add',
    subject: `neighbour ${options.address}`,
  };
}
