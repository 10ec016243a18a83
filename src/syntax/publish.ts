/** `-p [[ADDRESS:][HOST_PORT]:]PORT[/PROTOCOL]`, each port a number or a range, and its form with names. */
import { EngineError } from '#base/errors.ts';
import { type ContainerPort, parsePorts, type PortRange } from '#base/ports.ts';

/** One port of a container that is to be reached from outside. */
export interface Publication extends ContainerPort {
  /** Empty: the engine's choice. */
  readonly hostAddress: string;
  /** Any port of the range will do; absent: any free port. */
  readonly hostPorts?: PortRange;
}

/**
 * A range in the container is published port by port, on as many ports of the host or on free ones.
 *
 * @throws {EngineError} `invalid` with the texts of Docker's command line
 */
export function parsePublish(text: string): readonly Publication[] {
  const { hostAddress, host, container, protocol } = split(text.includes('=') ? positional(text) : text);
  const ports = rangeOf(container, `Invalid containerPort: ${container}`);
  const hosts = host === '' ? undefined : rangeOf(host, `Invalid hostPort: ${host}`);
  const count = ports.last - ports.first + 1;
  if (hosts && count > 1 && hosts.last - hosts.first + 1 !== count)
    throw invalid(`Invalid ranges specified for container and host Ports: ${container} and ${host}`);
  return Array.from({ length: count }, (_, index) => ({
    port: ports.first + index,
    protocol,
    hostAddress,
    ...(hosts && { hostPorts: count === 1 ? hosts : single(hosts.first + index) }),
  }));
}

/** `--expose PORT[/PROTOCOL]`. @throws {EngineError} `invalid` with the texts of Docker's command line */
export function parseExpose(text: string): readonly ContainerPort[] {
  if (text.includes(':')) throw invalid(`invalid port format for --expose: ${text}`);
  try {
    return parsePorts(text);
  } catch (cause) {
    throw new EngineError('invalid', `invalid range format for --expose: ${text}`, { cause });
  }
}

interface Parts extends Pick<Publication, 'hostAddress' | 'protocol'> {
  readonly host: string;
  readonly container: string;
}

function split(text: string): Parts {
  const [place = '', written = 'tcp', ...more] = text.split('/');
  const protocol = (['tcp', 'udp', 'sctp'] as const).find((known) => known === written.toLowerCase());
  if (protocol === undefined || more.length > 0)
    throw invalid(`Invalid proto: ${[written, ...more].join('/')}`);
  const match = /^(?:(?:(\[[^\]]*\]|[^:[\]]*):)?([^:]*):)?([^:]+)$/.exec(place);
  if (!match) throw invalid(`Invalid port specification: ${text}: expected [[IP:]HOST_PORT:]CONTAINER_PORT`);
  const [, address = '', host = '', container = ''] = match;
  const hostAddress = address.replace(/^\[|\]$/g, '');
  if (hostAddress !== '' && !/^[\d.]+$|:/.test(hostAddress))
    throw invalid(`Invalid ip address: ${hostAddress}`);
  return { hostAddress, host, container, protocol };
}

/** `target=80,published=8080,protocol=udp` as the text that means the same. */
function positional(text: string): string {
  const fields = new Map(
    text.split(',').map((field) => {
      const [key = '', value = ''] = field.split('=');
      return [key, value];
    }),
  );
  const target = fields.get('target');
  if (!target) throw invalid(`Invalid port specification: ${text}: target is missing`);
  return `${fields.get('published') ?? ''}:${target}/${fields.get('protocol') ?? 'tcp'}`;
}

function rangeOf(text: string, complaint: string): PortRange {
  const match = /^(\d+)(?:-(\d+))?$/.exec(text);
  const first = Number(match?.[1]);
  const last = Number(match?.[2] ?? match?.[1]);
  if (!match || first > 65_535 || last > 65_535 || last < first) throw invalid(complaint);
  return { first, last };
}

function single(port: number): PortRange {
  return { first: port, last: port };
}

function invalid(message: string): EngineError {
  return new EngineError('invalid', message);
}
