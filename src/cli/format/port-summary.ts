import type { PortSummary } from '#wire/container.ts';

interface Span {
  readonly ip: string | undefined;
  readonly type: string;
  first: number;
  last: number;
  /** Where it is published; 0 where it is only exposed. */
  publicFirst: number;
  publicLast: number;
}

/**
 * `0.0.0.0:8080->80/tcp, 443/tcp`: neighbouring ports that are published likewise as one range, those that go to
 * other numbers one by one (Docker's DisplayablePorts).
 */
export function publishedPorts(ports: readonly PortSummary[]): string {
  if (ports.length === 0) return '';
  const sorted = ports.toSorted(comparePorts);
  const singles = sorted.filter(
    (port) => port.PublicPort !== undefined && port.PublicPort !== port.PrivatePort,
  );
  const others = sorted.filter((port) => !singles.includes(port));
  return [...spansOf(others).map(showSpan), ...singles.map(showSingle)].join(', ');
}

function spansOf(ports: readonly PortSummary[]): readonly Span[] {
  const spans = new Map<string, Span[]>();
  for (const { IP, PrivatePort, PublicPort = 0, Type } of ports) {
    const key = PublicPort > 0 ? `${IP ?? ''}/${Type}` : Type;
    const group = spans.get(key) ?? [];
    spans.set(key, group);
    const last = group.at(-1);
    if (last && last.last + 1 === PrivatePort && (PublicPort === 0 || last.publicLast + 1 === PublicPort)) {
      last.last = PrivatePort;
      last.publicLast = PublicPort;
    } else {
      group.push({
        ip: PublicPort > 0 ? IP : undefined,
        type: Type,
        first: PrivatePort,
        last: PrivatePort,
        publicFirst: PublicPort,
        publicLast: PublicPort,
      });
    }
  }
  return [...spans.keys()].toSorted().flatMap((key) => spans.get(key) ?? []);
}

function showSpan({ ip, type, first, last, publicFirst, publicLast }: Span): string {
  const container = `${rangeText(first, last)}/${type}`;
  return publicFirst === 0 ? container : `${ip ?? ''}:${rangeText(publicFirst, publicLast)}->${container}`;
}

function rangeText(from: number, to: number): string {
  return from === to ? String(from) : `${from}-${to}`;
}

function showSingle({ IP = '', PrivatePort, PublicPort, Type }: PortSummary): string {
  return `${IP}:${PublicPort}->${PrivatePort}/${Type}`;
}

function comparePorts(one: PortSummary, other: PortSummary): number {
  return (
    one.PrivatePort - other.PrivatePort ||
    compareText(one.IP ?? '', other.IP ?? '') ||
    (one.PublicPort ?? 0) - (other.PublicPort ?? 0) ||
    compareText(one.Type, other.Type)
  );
}

function compareText(one: string, other: string): number {
  if (one === other) return 0;
  return one < other ? -1 : 1;
}
