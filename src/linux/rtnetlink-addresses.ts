import { ipBytes } from '#base/ip-address.ts';
import { type Attribute, encodeAttributes, u32 } from './netlink-attributes.ts';
import {
  NLM_F_CREATE,
  NLM_F_EXCL,
  NLM_F_REPLACE,
  optional,
  RTM,
  type RouteMessage,
} from './rtnetlink-message.ts';

/** <linux/if_addr.h> */
const IFA_ADDRESS = 1;
const IFA_LOCAL = 2;
const IFA_BROADCAST = 4;
/** Skip duplicate address detection: the address, which we allocated, is usable at once. */
const IFA_F_NODAD = 0x02;

export interface AddressOptions {
  /** The index of the link. */
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
  table: 15,
} as const;
export const RT_TABLE_MAIN = 254;
const RTPROT_STATIC = 4;
const RT_SCOPE_UNIVERSE = 0;
const RT_SCOPE_LINK = 253;
const RT_SCOPE_HOST = 254;
const RT_TABLE_LOCAL = 255;
const RTN_LOCAL = 2;
export const RTN_UNICAST = 1;

export interface RouteOptions {
  /** The default route if left out. */
  readonly destination?: { readonly address: string; readonly prefixLength: number } | undefined;
  readonly gateway?: string | undefined;
  /** The index of the link to leave by. */
  readonly index: number;
  /** Lower wins. */
  readonly metric?: number | undefined;
  /** The host itself is there: a route of type `local`, in the table of that name. */
  readonly isLocal?: boolean | undefined;
  /** The family of a default route without gateway; otherwise the addresses tell it. */
  readonly family?: 'ipv4' | 'ipv6' | undefined;
}

/** Adds a route, or replaces the one to the same destination. */
export function replaceRoute(options: RouteOptions): RouteMessage {
  const flags = NLM_F_CREATE | NLM_F_REPLACE;
  return { ...routeMessage(options), type: RTM.newRoute, flags, action: 'replace' };
}

/** struct rtmsg: family, destination and source prefix, tos, table, protocol, scope, type, flags. */
function routeMessage(options: RouteOptions): Pick<RouteMessage, 'body' | 'subject'> {
  const { destination } = options;
  const header = Buffer.alloc(12);
  header[0] = routeFamily(options);
  header[1] = destination?.prefixLength ?? 0;
  header[4] = options.isLocal ? RT_TABLE_LOCAL : RT_TABLE_MAIN;
  header[5] = RTPROT_STATIC;
  header[6] = scopeOf(options);
  header[7] = options.isLocal ? RTN_LOCAL : RTN_UNICAST;
  const attributes: readonly Attribute[] = [
    ...optional(RTA.destination, destination?.address, ipBytes),
    [RTA.outputIndex, u32(options.index)],
    ...optional(RTA.gateway, options.gateway, ipBytes),
    ...optional(RTA.priority, options.metric, u32),
  ];
  const subject = destination ? `route ${destination.address}/${destination.prefixLength}` : 'default route';
  return { body: Buffer.concat([header, encodeAttributes(attributes)]), subject };
}

function scopeOf({ gateway, isLocal }: RouteOptions): number {
  if (isLocal) return RT_SCOPE_HOST;
  return gateway === undefined ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
}

function routeFamily(options: RouteOptions): number {
  const address = options.destination?.address ?? options.gateway;
  if (address !== undefined) return familyNumber(ipBytes(address));
  return options.family === 'ipv6' ? AF_INET6 : AF_INET;
}
