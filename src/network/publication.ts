import { isIPv6 } from 'node:net';
import type { IpFamily } from '#base/ip-address.ts';
import type { ContainerPort } from '#base/ports.ts';

/** One port of the host that leads to one port of a container. */
export interface Publication extends ContainerPort {
  /** `0.0.0.0` or `::` for every address of the family. */
  readonly hostAddress: string;
  readonly hostPort: number;
}

export const ANY_IPV4 = '0.0.0.0';
export const ANY_IPV6 = '::';

/** Which family's packets arrive there. */
export function familyOfPort({ hostAddress }: Pick<Publication, 'hostAddress'>): IpFamily {
  return isIPv6(hostAddress) ? 'ipv6' : 'ipv4';
}

/** What a publication is called where it is released: a port of the host is published once. */
export function publicationKey({ protocol, hostAddress, hostPort }: Publication): string {
  return `${protocol} ${hostAddress} ${hostPort}`;
}

/** `0.0.0.0:80`, `[::]:80` */
export function formatHostPort(address: string, port: number): string {
  return isIPv6(address) ? `[${address}]:${port}` : `${address}:${port}`;
}
