/**
 * Links: a container on the default network knows another one by an alias, as a line in its /etc/hosts and as
 * variables. On networks that users create, an alias is a name for the resolver (`NetworkAttachment.links`).
 */
import { shortId } from '#base/ids.ts';
import { type ContainerPort, formatPort } from '#base/ports.ts';
import { addressOf } from '#network/endpoint.ts';
import type { HostsEntry } from '#network/hosts-file.ts';
import type { SandboxRecord } from '#network/network.ts';
import { containerError } from './container-errors.ts';
import type { ContainerLink, ContainerSpec } from './container-spec.ts';

interface LinkableContainer {
  readonly id: string;
  readonly name: string;
  readonly spec: ContainerSpec;
  readonly run: { readonly sandbox?: SandboxRecord } | undefined;
}

export interface LinkableContainers {
  find(reference: string): LinkableContainer | undefined;
}

export interface LinkTable extends LinkableContainers {
  values(): Iterable<LinkableContainer>;
}

/** A link to a container that is there. */
export interface ResolvedLink {
  readonly alias: string;
  readonly container: LinkableContainer;
}

/**
 * Lets the links of a new container hold what they are to, whatever it is called later.
 *
 * @throws {EngineError} `link-to-nothing`
 */
export function withLinkIds(lookup: LinkableContainers, spec: ContainerSpec): ContainerSpec {
  const { mode, links } = spec.network;
  const attachments = mode.kind === 'attached' ? mode.attachments : [];
  for (const container of attachments.flatMap((attachment) => Object.values(attachment.links ?? {}))) {
    find(lookup, container);
  }
  if (!links) return spec;
  const found = links.map(({ container, alias }) => {
    const { id, name } = find(lookup, container);
    return { container: id, name, alias };
  });
  return { ...spec, network: { ...spec.network, links: found } };
}

function find(lookup: LinkableContainers, reference: string): LinkableContainer {
  const container = lookup.find(reference);
  if (container) return container;
  throw containerError('link-to-nothing', { subject: reference });
}

/** The links of which the other end is still there. */
export function linksOf(
  lookup: LinkableContainers,
  links: readonly ContainerLink[] = [],
): readonly ResolvedLink[] {
  return links.flatMap(({ container: id, alias }) => {
    const container = lookup.find(id);
    return container ? [{ alias, container }] : [];
  });
}

/** What others call containers: `NAME/ALIAS`, by the id of the one that is called so. */
export function linkNames(lookup: LinkTable): ReadonlyMap<string, readonly string[]> {
  const names = new Map<string, string[]>();
  for (const { name, spec } of lookup.values()) {
    for (const { container, alias } of spec.network.links ?? []) {
      names.set(container, [...(names.get(container) ?? []), `${name}/${alias}`]);
    }
  }
  return names;
}

/** @throws {EngineError} `link-to-stopped`, also for one that is gone */
export function requireRunning(
  lookup: LinkableContainers,
  ownName: string,
  links: readonly ContainerLink[] = [],
): void {
  for (const { container: id, alias, name = id } of links) {
    const container = lookup.find(id);
    if (container?.run) continue;
    const details = { alias: `${ownName}/${alias}` };
    throw containerError('link-to-stopped', { subject: container?.name ?? name, details });
  }
}

/** The line of /etc/hosts for a link; none where the other is not on the network of links. */
export function linkedHosts(links: readonly ResolvedLink[]): readonly HostsEntry[] {
  return links.flatMap(({ alias, container: { id, name, spec, run } }) => {
    const address = linkAddress(run?.sandbox);
    if (address === undefined) return [];
    const names = [alias, spec.hostname ?? shortId(id), ...(alias === name ? [] : [name])];
    return [{ address, names }];
  });
}

/** The spec of a process in a container, with the variables for its links, over which its own win. */
export function withLinkVariables(
  lookup: LinkableContainers,
  { name, spec }: Pick<LinkableContainer, 'name' | 'spec'>,
): ContainerSpec {
  const links = linksOf(lookup, spec.network.links);
  if (links.length === 0) return spec;
  const environment = [...linkVariables(links, name), ...spec.process.environment];
  return { ...spec, process: { ...spec.process, environment } };
}

/** As Docker has always named them. */
function linkVariables(links: readonly ResolvedLink[], ownName: string): readonly string[] {
  return links.flatMap((link) => {
    const address = linkAddress(link.container.run?.sandbox);
    const prefix = link.alias.toUpperCase().replaceAll('-', '_');
    return [
      ...(address === undefined ? [] : portVariables(prefix, address, link.container.spec)),
      `${prefix}_NAME=/${ownName}/${link.alias}`,
      ...ownVariables(prefix, link.container.spec),
    ];
  });
}

function portVariables(prefix: string, address: string, { network }: ContainerSpec): readonly string[] {
  const published = network.ports.map(({ port, protocol }) => ({ port, protocol }));
  const ports = [
    ...new Map([...network.exposedPorts, ...published].map((port) => [formatPort(port), port])).values(),
  ];
  const sorted = ports.toSorted((a, b) => a.port - b.port || (a.protocol < b.protocol ? -1 : 1));
  const [first] = sorted;
  return [
    ...(first ? [`${prefix}_PORT=${portUrl(first, address)}`] : []),
    ...sorted.flatMap((port) => {
      const name = `${prefix}_PORT_${port.port}_${port.protocol.toUpperCase()}`;
      return [
        `${name}=${portUrl(port, address)}`,
        `${name}_ADDR=${address}`,
        `${name}_PORT=${port.port}`,
        `${name}_PROTO=${port.protocol}`,
      ];
    }),
  ];
}

function portUrl({ protocol, port }: ContainerPort, address: string): string {
  return `${protocol}://${address}:${port}`;
}

function ownVariables(prefix: string, { process }: ContainerSpec): readonly string[] {
  return process.environment
    .filter((entry) => entry.includes('=') && !/^(?:HOME|PATH)=/.test(entry))
    .map((entry) => `${prefix}_ENV_${entry}`);
}

/** Links are a matter of the default network. */
function linkAddress(sandbox: SandboxRecord | undefined): string | undefined {
  const endpoint = sandbox?.endpoints.find(({ networkName }) => networkName === 'bridge');
  return endpoint && addressOf(endpoint, 'ipv4');
}
