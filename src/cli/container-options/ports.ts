import { messageOf } from '#base/errors.ts';
import { formatPort } from '#base/ports.ts';
import { parseExpose, parsePublish, type Publication } from '#syntax/publish.ts';
import { UsageError } from '../usage-error.ts';

interface Binding {
  readonly HostIp: string;
  readonly HostPort: string;
}

interface PublishedPorts {
  readonly exposed: Readonly<Record<string, object>>;
  readonly bindings: Readonly<Record<string, readonly Binding[]>>;
}

/** Reads `--publish` and `--expose`. @throws {UsageError} for ports that are none */
export function readPorts(published: readonly string[], exposed: readonly string[]): PublishedPorts {
  try {
    return toWire(published.flatMap(parsePublish), exposed.flatMap(parseExpose).map(formatPort));
  } catch (error) {
    throw new UsageError(messageOf(error));
  }
}

function toWire(published: readonly Publication[], exposed: readonly string[]): PublishedPorts {
  const bindings: Record<string, Binding[]> = {};
  for (const publication of published) {
    const { hostAddress, hostPorts } = publication;
    const HostPort = hostPorts === undefined ? '' : rangeText(hostPorts);
    (bindings[formatPort(publication)] ??= []).push({ HostIp: hostAddress, HostPort });
  }
  return {
    exposed: Object.fromEntries([...Object.keys(bindings), ...exposed].map((port) => [port, {}])),
    bindings,
  };
}

function rangeText({ first, last }: NonNullable<Publication['hostPorts']>): string {
  return first === last ? String(first) : `${first}-${last}`;
}
