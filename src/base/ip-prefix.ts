import { EngineError } from './errors.ts';
import {
  FAMILY_BITS,
  familyOf,
  type IpAddress,
  type IpFamily,
  ipFromNumber,
  ipToNumber,
  parseIp,
} from './ip-address.ts';

/**
 * A subnet in its one canonical text, `172.17.0.0/16` or `fd00::/64`: all host bits are zero. Like an address it is
 * compared by `===` and passes JSON as it is. Only {@link parsePrefix} and {@link prefixOf} make one.
 */
export type IpPrefix = string & { readonly __brand: 'ip-prefix' };

/** An address together with the length of its subnet's prefix, as an interface has it: `172.17.0.1/16`. */
export interface InterfaceAddress {
  readonly address: IpAddress;
  readonly prefixLength: number;
}

/** @throws {EngineError} `invalid`; also where a host bit is set */
export function parsePrefix(text: string): IpPrefix {
  const { address, prefixLength } = parseInterfaceAddress(text);
  const prefix = prefixOf(address, prefixLength);
  if (prefix.startsWith(`${address}/`)) return prefix;
  throw new EngineError('invalid', `Cannot use subnet ${text}: its address has host bits, as in ${prefix}`);
}

/** @throws {EngineError} `invalid` */
export function parseInterfaceAddress(text: string): InterfaceAddress {
  const [, host, length] = /^([\d.]+|[\da-f:.]+)\/(\d{1,3})$/i.exec(text) ?? [];
  if (host === undefined || length === undefined) throw notAnInterfaceAddress(text);
  const address = parseIp(host);
  const prefixLength = Number(length);
  if (prefixLength > FAMILY_BITS[familyOf(address)]) throw notAnInterfaceAddress(text);
  return { address, prefixLength };
}

function notAnInterfaceAddress(text: string): EngineError {
  return new EngineError('invalid', `Cannot use ${text}: not an IP address with a prefix length`);
}

export function formatInterfaceAddress({ address, prefixLength }: InterfaceAddress): string {
  return `${address}/${prefixLength}`;
}

/** The subnet of that length in which an address is. */
export function prefixOf(address: IpAddress, prefixLength: number): IpPrefix {
  const family = familyOf(address);
  const hostBits = BigInt(FAMILY_BITS[family] - prefixLength);
  const base = (ipToNumber(address) >> hostBits) << hostBits;
  return asPrefix(`${ipFromNumber(base, family)}/${prefixLength}`);
}

/** `text` is canonical: it was just formatted. */
function asPrefix(text: string): IpPrefix {
  if (isText(text)) return text;
  throw new TypeError(`Cannot format a subnet: ${text} is none`);
}

function isText(text: string): text is IpPrefix {
  return text.includes('/');
}

export function subnetOf({ address, prefixLength }: InterfaceAddress): IpPrefix {
  return prefixOf(address, prefixLength);
}

export function prefixLengthOf(prefix: IpPrefix): number {
  return Number(prefix.slice(prefix.indexOf('/') + 1));
}

export function prefixFamily(prefix: IpPrefix): IpFamily {
  return prefix.includes(':') ? 'ipv6' : 'ipv4';
}

/** A prefix as the numbers of its first and last address. */
export interface PrefixBounds {
  readonly first: bigint;
  readonly last: bigint;
}

export function boundsOf(prefix: IpPrefix): PrefixBounds {
  const first = ipToNumber(firstAddress(prefix));
  const hostBits = BigInt(FAMILY_BITS[prefixFamily(prefix)] - prefixLengthOf(prefix));
  return { first, last: first + (1n << hostBits) - 1n };
}

/** The network's own address of an IPv4 subnet. */
export function firstAddress(prefix: IpPrefix): IpAddress {
  return parseIp(prefix.slice(0, prefix.indexOf('/')));
}

/** The broadcast address of an IPv4 subnet. */
export function lastAddress(prefix: IpPrefix): IpAddress {
  return ipFromNumber(boundsOf(prefix).last, prefixFamily(prefix));
}

export function containsAddress(prefix: IpPrefix, address: IpAddress): boolean {
  if (prefixFamily(prefix) !== familyOf(address)) return false;
  const { first, last } = boundsOf(prefix);
  const value = ipToNumber(address);
  return value >= first && value <= last;
}

export function overlap(a: IpPrefix, b: IpPrefix): boolean {
  return containsAddress(a, firstAddress(b)) || containsAddress(b, firstAddress(a));
}
