import { EngineError } from '#base/errors.ts';
import type { TransportProtocol } from '#linux/inet-socket.ts';

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

export function parsePort(text: string): number {
  const port = Number(text);
  if (!/^\d{1,5}$/.test(text) || port > 65_535) {
    throw new EngineError('invalid', `invalid port specification: "${text}"`);
  }
  return port;
}
