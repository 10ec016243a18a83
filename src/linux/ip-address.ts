import { isIP, SocketAddress } from 'node:net';
import { EngineError } from '#base/errors.ts';

export type IpFamily = 'ipv4' | 'ipv6';

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

export function familyOf(address: string): IpFamily {
  return ipBytes(address).length === 4 ? 'ipv4' : 'ipv6';
}

/** The usual text of an address: dotted, or compressed as RFC 5952 has it. */
export function formatIp(bytes: Buffer): string {
  if (bytes.length === 4) return bytes.join('.');
  const groups = (bytes.toString('hex').match(/.{4}/g) ?? []).join(':');
  return new SocketAddress({ address: groups, family: 'ipv6' }).address;
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
