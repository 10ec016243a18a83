import { isIPv4 } from 'node:net';
import { EngineError } from '#base/errors.ts';

/** An IPv4 address as the number that its four bytes are. */
export type Ipv4 = number;

export interface Subnet {
  /** The network's own address: all host bits are zero. */
  readonly base: Ipv4;
  readonly prefixLength: number;
}

/** @throws {EngineError} `invalid` */
export function parseIpv4(text: string): Ipv4 {
  if (!isIPv4(text)) throw new EngineError('invalid', `Cannot use IPv4 address ${text}: not four numbers`);
  return text.split('.').reduce((value, part) => value * 256 + Number(part), 0);
}

export function formatIpv4(address: Ipv4): string {
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 255).join('.');
}

/** An address together with the subnet it lives in, as in `172.17.0.1/16`. */
export interface InterfaceAddress {
  readonly address: Ipv4;
  readonly subnet: Subnet;
}

/** @throws {EngineError} `invalid` */
export function parseInterfaceAddress(text: string): InterfaceAddress {
  const [, dotted = '', prefix = ''] = /^([\d.]+)\/(\d{1,2})$/.exec(text) ?? [];
  const prefixLength = Number(prefix);
  if (prefix === '' || prefixLength > 32) {
    throw new EngineError('invalid', `Cannot use ${text}: not an IPv4 address with a prefix length`);
  }
  const address = parseIpv4(dotted);
  return { address, subnet: subnetOf(address, prefixLength) };
}

export function subnetOf(address: Ipv4, prefixLength: number): Subnet {
  return { base: address - (address % sizeOf({ prefixLength })), prefixLength };
}

/** How many addresses it spans, the network's and the broadcast address included. */
export function sizeOf(subnet: Pick<Subnet, 'prefixLength'>): number {
  return 2 ** (32 - subnet.prefixLength);
}

export function broadcastOf(subnet: Subnet): Ipv4 {
  return subnet.base + sizeOf(subnet) - 1;
}

export function contains(subnet: Subnet, address: Ipv4): boolean {
  return address >= subnet.base && address <= broadcastOf(subnet);
}

export function overlap(a: Subnet, b: Subnet): boolean {
  return contains(a, b.base) || contains(b, a.base);
}

export function formatSubnet(subnet: Subnet): string {
  return `${formatIpv4(subnet.base)}/${subnet.prefixLength}`;
}
