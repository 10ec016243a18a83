import { isIP } from 'node:net';
import { EngineError } from '#base/errors.ts';
import type { TransportProtocol } from '#linux/inet-socket.ts';
import type { PortBinding, PortMap } from '#wire/network.ts';

/** A container's port, as in `80/tcp`. */
export interface ContainerPort {
  readonly port: number;
  readonly protocol: TransportProtocol;
}

/** One binding that was asked for: which host ports may lead to a container's port. */
export interface PortRequest extends ContainerPort {
  /** Empty: wherever the engine publishes by default. */
  readonly hostAddress: string;
  /** Any port of the range will do, the lowest free one is taken; absent: any free port. */
  readonly hostPorts?: { readonly first: number; readonly last: number };
}

const PROTOCOLS: ReadonlySet<string> = new Set<TransportProtocol>(['tcp', 'udp', 'sctp']);

function isProtocol(text: string): text is TransportProtocol {
  return PROTOCOLS.has(text);
}

/**
 * Reads `80/tcp`; without a protocol it is tcp.
 *
 * @throws {EngineError} `invalid`
 */
export function parseContainerPort(text: string): ContainerPort {
  const [port = '', protocol = 'tcp'] = text.split('/');
  if (!isProtocol(protocol))
    throw new EngineError('invalid', `invalid protocol in port specification: "${text}"`);
  return { port: parsePort(port), protocol };
}

export function formatContainerPort({ port, protocol }: ContainerPort): string {
  return `${port}/${protocol}`;
}

function parsePort(text: string): number {
  const port = Number(text);
  if (!/^\d{1,5}$/.test(text) || port > 65_535) {
    throw new EngineError('invalid', `invalid port specification: "${text}"`);
  }
  return port;
}

/**
 * The bindings of a container in the order of their ports, and those that `publishAll` adds: one for each exposed
 * port that is not bound.
 *
 * @throws {EngineError} `invalid`
 */
export function parsePortRequests(
  bindings: PortMap,
  exposedPorts: readonly string[] = [],
  publishAll = false,
): readonly PortRequest[] {
  const bound = Object.entries(bindings).flatMap(([key, list]) => {
    const container = parseContainerPort(key);
    return (list ?? []).map((binding) => parseBinding(container, binding));
  });
  if (!publishAll) return bound;
  const keys = new Set(bound.map(formatContainerPort));
  const rest = exposedPorts.map(parseContainerPort).filter((port) => !keys.has(formatContainerPort(port)));
  return [...bound, ...rest.map((port) => ({ ...port, hostAddress: '' }))];
}

function parseBinding(container: ContainerPort, { HostIp, HostPort }: PortBinding): PortRequest {
  if (HostIp && isIP(HostIp) === 0) throw new EngineError('invalid', `invalid host IP address: "${HostIp}"`);
  const [start = '', end = start] = (HostPort || '0').split('-');
  const [first, last] = [parsePort(start), parsePort(end)];
  if (last < first) throw new EngineError('invalid', `invalid port specification: "${HostPort}"`);
  const hostAddress = HostIp || '';
  return { ...container, hostAddress, ...(first > 0 && { hostPorts: { first, last } }) };
}
