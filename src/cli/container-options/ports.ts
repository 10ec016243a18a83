import { UsageError } from '../usage-error.ts';

interface Binding {
  readonly HostIp: string;
  readonly HostPort: string;
}

export interface PublishedPorts {
  readonly exposed: Readonly<Record<string, object>>;
  readonly bindings: Readonly<Record<string, readonly Binding[]>>;
}

/**
 * Reads `--publish` (`[[ip:][host port]:]container port[/protocol]`, each port a number or a range, or
 * `target=80,published=8080`) and `--expose`.
 *
 * @throws {UsageError} for ports that are none
 */
export function readPorts(published: readonly string[], exposed: readonly string[]): PublishedPorts {
  const ports: { exposed: Record<string, object>; bindings: Record<string, Binding[]> } = {
    exposed: {},
    bindings: {},
  };
  for (const text of published) {
    for (const [port, binding] of parsePublish(text.includes('=') ? shortForm(text) : text)) {
      ports.exposed[port] = {};
      (ports.bindings[port] ??= []).push(binding);
    }
  }
  for (const text of exposed) for (const port of parseExpose(text)) ports.exposed[port] = {};
  return ports;
}

function* parsePublish(text: string): Generator<readonly [port: string, binding: Binding]> {
  const { ip, host, container, protocol } = splitPublish(text);
  const ports = range(container, `Invalid containerPort: ${container}`);
  const hosts = host === '' ? undefined : range(host, `Invalid hostPort: ${host}`);
  const many = ports.last > ports.first;
  if (hosts && many && hosts.last - hosts.first !== ports.last - ports.first) {
    throw new UsageError(`Invalid ranges specified for container and host Ports: ${container} and ${host}`);
  }
  for (let port = ports.first; port <= ports.last; port++) {
    // A range on the host for one port in the container lets the engine choose within it.
    const hostPort = hosts === undefined ? '' : many ? String(hosts.first + port - ports.first) : host;
    yield [`${port}/${protocol}`, { HostIp: ip, HostPort: hostPort }];
  }
}

function splitPublish(text: string): { ip: string; host: string; container: string; protocol: string } {
  const [address = '', protocol = 'tcp', ...more] = text.split('/');
  if (more.length > 0 || !['tcp', 'udp', 'sctp'].includes(protocol.toLowerCase())) {
    throw new UsageError(`Invalid proto: ${[protocol, ...more].join('/')}`);
  }
  const match = /^(?:(?:(\[[^\]]*\]|[^:[\]]*):)?([^:]*):)?([^:]+)$/.exec(address);
  if (!match)
    throw new UsageError(`Invalid port specification: ${text}: expected [[IP:]HOST_PORT:]CONTAINER_PORT`);
  const [, ip = '', host = '', container = ''] = match;
  const bare = ip.replace(/^\[|\]$/g, '');
  if (bare !== '' && !/^[\d.]+$|:/.test(bare)) throw new UsageError(`Invalid ip address: ${bare}`);
  return { ip: bare, host, container, protocol: protocol.toLowerCase() };
}

function range(text: string, complaint: string): { readonly first: number; readonly last: number } {
  const match = /^(\d+)(?:-(\d+))?$/.exec(text);
  const first = Number(match?.[1]);
  const last = Number(match?.[2] ?? match?.[1]);
  if (!match || first > 65535 || last > 65535 || last < first) throw new UsageError(complaint);
  return { first, last };
}

function parseExpose(text: string): readonly string[] {
  if (text.includes(':')) throw new UsageError(`invalid port format for --expose: ${text}`);
  const [ports = '', protocol = 'tcp'] = text.split('/');
  const { first, last } = range(ports, `invalid range format for --expose: ${text}`);
  return Array.from({ length: last - first + 1 }, (_, index) => `${first + index}/${protocol}`);
}

function shortForm(text: string): string {
  const fields = new Map(
    text.split(',').map((field) => {
      const [key = '', value = ''] = field.split('=');
      return [key, value];
    }),
  );
  const target = fields.get('target');
  if (!target) throw new UsageError(`Invalid port specification: ${text}: target is missing`);
  return `${fields.get('published') ?? ''}:${target}/${fields.get('protocol') ?? 'tcp'}`;
}
