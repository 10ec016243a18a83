import { isIP, SocketAddress } from 'node:net';
import { EngineError } from './errors.ts';

export type IpFamily = 'ipv4' | 'ipv6';

/**
 * An IPv4 or IPv6 address in its one canonical text: dotted, or compressed as RFC 5952 has it. So addresses are
 * compared by `===`, are keys of maps, and pass JSON as they are. Only {@link parseIp} and {@link formatIp} make one.
 */
export type IpAddress = string & { readonly __brand: 'ip-address' };

export const FAMILY_BITS: Readonly<Record<IpFamily, 32 | 128>> = { ipv4: 32, ipv6: 128 };

export function isIpAddress(text: string): text is IpAddress {
  return isIP(text) !== 0 && !text.includes('%') && formatIp(ipBytes(text)) === text;
}

/** @throws {EngineError} `invalid`; an IPv6 address with a zone (`fe80::1%eth0`) is none */
export function parseIp(text: string): IpAddress {
  return formatIp(ipBytes(text));
}

export function familyOf(address: IpAddress): IpFamily {
  return address.includes(':') ? 'ipv6' : 'ipv4';
}

/**
 * The 4 or 16 bytes of an address in the order of the network.
 *
 * @throws {EngineError} `invalid`
 */
export function ipBytes(address: string): Buffer {
  const version = isIP(address);
  if (version === 4) return Buffer.from(address.split('.').map(Number));
  if (version === 6 && !address.includes('%')) return ipv6Bytes(address);
  throw new EngineError('invalid', `Cannot use IP address ${address}: not an IPv4 or IPv6 address`);
}

/** The way back from {@link ipBytes}. */
export function formatIp(bytes: Buffer): IpAddress {
  if (bytes.length === 4) return asAddress(bytes.join('.'));
  const groups = (bytes.toString('hex').match(/.{4}/g) ?? []).join(':');
  return asAddress(new SocketAddress({ address: groups, family: 'ipv6' }).address);
}

/** `text` is canonical: it was just formatted. */
function asAddress(text: string): IpAddress {
  if (isText(text)) return text;
  throw new TypeError(`Cannot format an address: ${text} is none`);
}

function isText(text: string): text is IpAddress {
  return isIP(text) !== 0;
}

export function ipToNumber(address: IpAddress): bigint {
  return BigInt(`0x${ipBytes(address).toString('hex')}`);
}

/** The way back from {@link ipToNumber}; `value` has at most the family's bits. */
export function ipFromNumber(value: bigint, family: IpFamily): IpAddress {
  return formatIp(Buffer.from(value.toString(16).padStart(FAMILY_BITS[family] / 4, '0'), 'hex'));
}

function ipv6Bytes(address: string): Buffer {
  const [head = '', tail] = expandDotted(address).split('::');
  const left = groupsOf(head);
  const right = tail === undefined ? [] : groupsOf(tail);
  const zeros = '0000'.repeat(8 - left.length - right.length);
  return Buffer.from(left.join('') + zeros + right.join(''), 'hex');
}

/** `::ffff:10.0.0.1` ends in an IPv4 address. */
function expandDotted(address: string): string {
  return address.replace(/\d+\.\d+\.\d+\.\d+$/, (dotted) => {
    const hex = Buffer.from(dotted.split('.').map(Number)).toString('hex');
    return `${hex.slice(0, 4)}:${hex.slice(4)}`;
  });
}

function groupsOf(part: string): readonly string[] {
  return part === '' ? [] : part.split(':').map((group) => group.padStart(4, '0'));
}
