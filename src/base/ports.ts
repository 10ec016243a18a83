/** Ports as the API names them: `80/tcp`, and on the host `8080`, `8000-8010` or nothing. */
import { EngineError, isEngineError } from './errors.ts';

type PortProtocol = 'tcp' | 'udp' | 'sctp';

export interface ContainerPort {
  readonly port: number;
  readonly protocol: PortProtocol;
}

export interface PortRange {
  readonly first: number;
  readonly last: number;
}

const PROTOCOLS: readonly PortProtocol[] = ['tcp', 'udp', 'sctp'];

/** `80/tcp`, `80` (tcp). @throws {EngineError} `invalid` */
export function parsePort(text: string): ContainerPort {
  const [port, ...others] = parsePorts(text);
  if (port === undefined || others.length > 0) throw malformed(text);
  return port;
}

/** Parses as {@link parsePort} does, and a range `80-82/tcp` for each of its ports. @throws {EngineError} `invalid` */
export function parsePorts(text: string): readonly ContainerPort[] {
  const [ports = '', name = 'tcp', ...rest] = text.split('/');
  const protocol = PROTOCOLS.find((known) => known === name.toLowerCase());
  if (rest.length > 0) throw malformed(text);
  if (protocol === undefined) throw new EngineError('invalid', `invalid proto: ${name}`);
  const range = parseHostPorts(ports);
  if (range === undefined) throw malformed(text);
  return Array.from({ length: range.last - range.first + 1 }, (_, index) => ({
    port: range.first + index,
    protocol,
  }));
}

/** The same; undefined for what is no port. */
export function tryParsePorts(text: string): readonly ContainerPort[] | undefined {
  try {
    return parsePorts(text);
  } catch (error) {
    if (isEngineError(error, 'invalid')) return undefined;
    throw error;
  }
}

export function formatPort({ port, protocol }: ContainerPort): string {
  return `${port}/${protocol}`;
}

/** `8080` or `8000-8010`; undefined where any free one will do. @throws {EngineError} `invalid` */
export function parseHostPorts(text: string): PortRange | undefined {
  if (text === '') return undefined;
  const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text);
  if (match === null) throw malformed(text);
  const first = Number(match[1]);
  const last = Number(match[2] ?? match[1]);
  if (last > 0xffff || first > last) throw malformed(text);
  return { first, last };
}

function malformed(text: string): EngineError {
  return new EngineError('invalid', `invalid port specification: ${JSON.stringify(text)}`);
}
