import { isIPv6 } from 'node:net';
import type { PortMap } from '#wire/network.ts';
import { type ContainerPort, formatContainerPort, parseContainerPort } from './port-spec.ts';

/** One port of the host that leads to one port of a container. */
export interface Publication extends ContainerPort {
  /** `0.0.0.0` or `::` for every address of the family. */
  readonly hostAddress: string;
  readonly hostPort: number;
}

export const ANY_IPV4 = '0.0.0.0';
export const ANY_IPV6 = '::';

/** As the API shows it: every exposed port, with null where it is not published. */
export function toPortMap(publications: readonly Publication[], exposedPorts: readonly string[]): PortMap {
  const exposed = exposedPorts.map((key) => [formatContainerPort(parseContainerPort(key)), null] as const);
  const bound = Map.groupBy(publications, formatContainerPort);
  const bindings = [...bound].map(([key, list]) => [key, list.map(toBinding)] as const);
  return Object.fromEntries([...exposed, ...bindings]);
}

function toBinding({ hostAddress, hostPort }: Publication) {
  return { HostIp: hostAddress, HostPort: String(hostPort) };
}

/** The way back: what a container that is taken over has published. */
export function fromPortMap(ports: PortMap): readonly Publication[] {
  return Object.entries(ports).flatMap(([key, bindings]) =>
    (bindings ?? []).map(({ HostIp, HostPort }) => ({
      ...parseContainerPort(key),
      hostAddress: HostIp,
      hostPort: Number(HostPort),
    })),
  );
}

/** `0.0.0.0:80`, `[::]:80` */
export function formatHostPort(address: string, port: number): string {
  return isIPv6(address) ? `[${address}]:${port}` : `${address}:${port}`;
}
