import { isErrno, type SystemError } from './errno.ts';
import { formatIp, type IpAddress, type IpFamily, parseIp } from '#base/ip-address.ts';
import { decodeAttributes, decodeText, formatMac, encodeAttributes, u32 } from './netlink-attributes.ts';
import { type NetlinkReply, type NetlinkRequest, NetlinkSocket } from './netlink-socket.ts';
import { RT_TABLE_MAIN, RTA, RTN_UNICAST } from './rtnetlink-addresses.ts';
import { IFF_UP, IFLA, IFLA_INFO_KIND, linkBody, type LinkReference, subjectOf } from './rtnetlink-links.ts';
import { RTM, type RouteMessage } from './rtnetlink-message.ts';

export interface LinkInfo {
  readonly index: number;
  readonly name: string;
  /** `bridge`, `veth`, …; a physical interface has none. */
  readonly kind?: string;
  /** The bridge that the link is a port of. */
  readonly masterIndex?: number;
  readonly up: boolean;
  readonly macAddress: string;
  readonly mtu: number;
  /** The note that was written on it. */
  readonly alias?: string;
}

export interface AddressInfo {
  /** The index of the link. */
  readonly index: number;
  readonly family: IpFamily;
  readonly address: IpAddress;
  readonly prefixLength: number;
}

export interface RouteInfo {
  readonly family: IpFamily;
  /** `0.0.0.0` or `::`, with prefix length 0, for the default route. */
  readonly destination: IpAddress;
  readonly prefixLength: number;
  readonly outputIndex: number;
  readonly gateway?: IpAddress;
}

const NETLINK_ROUTE = 0;
/** Leaves the counters out of link messages. */
const RTEXT_FILTER_SKIP_STATS = 8;
const AF_INET = 2;
const AF_INET6 = 10;

/**
 * The links, addresses, routes and neighbours of one network namespace: the one that the thread was in when the
 * socket was opened. All calls are synchronous.
 */
export class RouteSocket implements Disposable {
  readonly #socket: NetlinkSocket;

  private constructor(socket: NetlinkSocket) {
    this.#socket = socket;
  }

  static open(): RouteSocket {
    return new RouteSocket(NetlinkSocket.open(NETLINK_ROUTE));
  }

  /**
   * Does the messages in order. The kernel does not stop at an error: the first one is thrown when all are done.
   *
   * @throws {SystemError} with the kernel's explanation
   */
  request(...messages: readonly RouteMessage[]): void {
    const error = this.requestAll(messages).find((result) => result !== null);
    if (error) throw error;
  }

  /** Does the messages in order and tells for each how it went: null is success. */
  requestAll(messages: readonly RouteMessage[]): (SystemError | null)[] {
    return this.#socket.requestAll(messages);
  }

  /** Does what {@link requestAll} does on a thread of the pool. The socket must not be used until it has resolved. */
  requestAllOnThread(messages: readonly RouteMessage[]): Promise<(SystemError | null)[]> {
    return this.#socket.requestAllOnThread(messages);
  }

  /** @throws {SystemError} `not-found` (ENODEV) */
  linkIndex(name: string): number {
    return this.link(name).index;
  }

  linkExists(name: string): boolean {
    try {
      this.linkIndex(name);
      return true;
    } catch (error) {
      if (isErrno(error, 'ENODEV')) return false;
      throw error;
    }
  }

  /** @throws {SystemError} `not-found` (ENODEV) */
  link(link: LinkReference): LinkInfo {
    const body = linkBody(link, [[IFLA.extendedMask, u32(RTEXT_FILTER_SKIP_STATS)]]);
    const request = { type: RTM.getLink, flags: 0, body, action: 'find', subject: subjectOf(link) };
    return parseLink(this.#socket.get(request));
  }

  listLinks(): readonly LinkInfo[] {
    const attributes = encodeAttributes([[IFLA.extendedMask, u32(RTEXT_FILTER_SKIP_STATS)]]);
    const body = Buffer.concat([Buffer.alloc(LINK_HEADER_SIZE), attributes]);
    return this.#socket.dump(listing(RTM.getLink, body, 'links')).map(parseLink);
  }

  listAddresses(): readonly AddressInfo[] {
    const body = Buffer.alloc(ADDRESS_HEADER_SIZE);
    return this.#socket
      .dump(listing(RTM.getAddress, body, 'addresses'))
      .flatMap((reply) => parseAddress(reply) ?? []);
  }

  /** The unicast routes of the main table, both families. */
  listRoutes(): readonly RouteInfo[] {
    return [AF_INET, AF_INET6].flatMap((family) => {
      const body = Buffer.alloc(ROUTE_HEADER_SIZE);
      body[0] = family;
      return this.#socket
        .dump(listing(RTM.getRoute, body, 'routes'))
        .flatMap((reply) => parseRoute(reply) ?? []);
    });
  }

  [Symbol.dispose](): void {
    this.#socket[Symbol.dispose]();
  }
}

function listing(type: number, body: Buffer, subject: string): NetlinkRequest {
  return { type, flags: 0, body, action: 'list', subject };
}

/** Sizes of struct ifinfomsg, ifaddrmsg and rtmsg. */
const LINK_HEADER_SIZE = 16;
const ADDRESS_HEADER_SIZE = 8;
const ROUTE_HEADER_SIZE = 12;

const LINK_ATTRIBUTES = new Set([IFLA.address, IFLA.name, IFLA.mtu, IFLA.master, IFLA.linkInfo, IFLA.alias]);

function parseLink({ body }: NetlinkReply): LinkInfo {
  const attributes = decodeAttributes(body.subarray(LINK_HEADER_SIZE), LINK_ATTRIBUTES);
  const info = attributes.get(IFLA.linkInfo);
  const kind = info && decodeAttributes(info).get(IFLA_INFO_KIND);
  const master = attributes.get(IFLA.master);
  const alias = attributes.get(IFLA.alias);
  return {
    index: body.readInt32LE(4),
    name: decodeText(attributes.get(IFLA.name) ?? Buffer.alloc(0)),
    ...(kind && { kind: decodeText(kind) }),
    ...(master && { masterIndex: master.readUInt32LE(0) }),
    up: (body.readUInt32LE(8) & IFF_UP) !== 0,
    macAddress: formatMac(attributes.get(IFLA.address) ?? Buffer.alloc(0)),
    mtu: attributes.get(IFLA.mtu)?.readUInt32LE(0) ?? 0,
    ...(alias && { alias: decodeText(alias) }),
  };
}

const IFA_ADDRESS = 1;
const IFA_LOCAL = 2;

function parseAddress({ body }: NetlinkReply): AddressInfo | undefined {
  const attributes = decodeAttributes(body.subarray(ADDRESS_HEADER_SIZE));
  const address = attributes.get(IFA_LOCAL) ?? attributes.get(IFA_ADDRESS);
  const family = familyName(body.readUInt8(0));
  if (!address || !family) return undefined;
  return {
    index: body.readUInt32LE(4),
    family,
    address: formatIp(address),
    prefixLength: body.readUInt8(1),
  };
}

const ANY: Readonly<Record<IpFamily, IpAddress>> = { ipv4: parseIp('0.0.0.0'), ipv6: parseIp('::') };

function parseRoute({ body }: NetlinkReply): RouteInfo | undefined {
  const attributes = decodeAttributes(body.subarray(ROUTE_HEADER_SIZE));
  const family = familyName(body.readUInt8(0));
  const table = attributes.get(RTA.table)?.readUInt32LE(0) ?? body.readUInt8(4);
  if (!family || table !== RT_TABLE_MAIN || body.readUInt8(7) !== RTN_UNICAST) return undefined;
  const destination = attributes.get(RTA.destination);
  const gateway = attributes.get(RTA.gateway);
  return {
    family,
    destination: destination ? formatIp(destination) : ANY[family],
    prefixLength: body.readUInt8(1),
    outputIndex: attributes.get(RTA.outputIndex)?.readUInt32LE(0) ?? 0,
    ...(gateway && { gateway: formatIp(gateway) }),
  };
}

function familyName(family: number): IpFamily | undefined {
  if (family === AF_INET) return 'ipv4';
  return family === AF_INET6 ? 'ipv6' : undefined;
}
