/** The networks of a container, in Docker's objects. */
import { familyOf } from '#base/ip-address.ts';
import { shortId } from '#base/ids.ts';
import { formatPort } from '#base/ports.ts';
import type { ContainerListEntry, ContainerNetworkView } from '#container/views.ts';
import type { NetworkAttachment } from '#network/attachment.ts';
import type { Endpoint } from '#network/network.ts';
import type { Publication } from '#network/publication.ts';
import type { NetworkSettings, PortSummary } from '#wire/container.ts';
import { EMPTY_ENDPOINT, type EndpointSettings } from '#wire/decode-endpoint.ts';
import type { PortBinding, PortMap } from '#wire/host-config.ts';

import type { Surroundings } from './surroundings.ts';

type Endpoints = Readonly<Record<string, EndpointSettings>>;

/** `NetworkSettings` of inspect: the top level repeats the default bridge's endpoint. */
export function networkSettings(
  entry: ContainerListEntry,
  networkIds: Surroundings['networkIds'],
): NetworkSettings {
  const { id, network } = entry;
  const { sandbox } = network;
  const endpoints = encodeEndpoints(entry, networkIds);
  const bridge = sandbox ? endpoints['bridge'] : undefined;
  return {
    Bridge: '',
    SandboxID: sandbox ? id : '',
    SandboxKey: sandbox?.namespacePath ?? '',
    Ports: portMapOf(network),
    HairpinMode: false,
    LinkLocalIPv6Address: '',
    LinkLocalIPv6PrefixLen: 0,
    SecondaryIPAddresses: null,
    SecondaryIPv6Addresses: null,
    EndpointID: bridge?.EndpointID ?? '',
    Gateway: bridge?.Gateway ?? '',
    GlobalIPv6Address: bridge?.GlobalIPv6Address ?? '',
    GlobalIPv6PrefixLen: bridge?.GlobalIPv6PrefixLen ?? 0,
    IPAddress: bridge?.IPAddress ?? '',
    IPPrefixLen: bridge?.IPPrefixLen ?? 0,
    IPv6Gateway: bridge?.IPv6Gateway ?? '',
    MacAddress: bridge?.MacAddress ?? '',
    Networks: endpoints,
  };
}

/**
 * Endpoints by network: with addresses while the container runs, otherwise as they are to be. The network of one that
 * ran stays known.
 */
export function encodeEndpoints(
  entry: ContainerListEntry,
  networkIds: Surroundings['networkIds'],
): Endpoints {
  const { state, network } = entry;
  const { attachments, sandbox } = network;
  if (sandbox) {
    return Object.fromEntries(
      sandbox.endpoints.map((endpoint) => [
        endpoint.networkName,
        { ...askedSettings(endpoint.attachment, entry), ...liveSettings(endpoint) },
      ]),
    );
  }
  const wasStarted = state.startedAt !== undefined || state.failure !== undefined;
  return Object.fromEntries(
    attachments.map((asked) => {
      const networkId = wasStarted ? networkIds.get(asked.network) : undefined;
      const settings = askedSettings(asked, entry);
      const names = wasStarted ? settings.DNSNames : null;
      return [asked.network, { ...settings, NetworkID: networkId ?? '', DNSNames: names }];
    }),
  );
}

const WITHOUT_NAMES = new Set(['bridge', 'host', 'none']);

/** The names that other containers on a network know it by; networks that the engine made have none. */
function namesOn(
  { network, aliases }: NetworkAttachment,
  { id, name, spec: { hostname } }: ContainerListEntry,
): readonly string[] | null {
  if (WITHOUT_NAMES.has(network)) return null;
  return [...new Set([name, ...aliases, shortId(id), ...(hostname === undefined ? [] : [hostname])])];
}

function askedSettings(asked: NetworkAttachment, entry: ContainerListEntry): EndpointSettings {
  const { aliases, ipv4Address, ipv6Address, linkLocalAddresses, driverOptions } = asked;
  const { macAddress = '', gatewayPriority = 0 } = asked;
  const addresses = {
    ...(ipv4Address !== undefined && { IPv4Address: ipv4Address }),
    ...(ipv6Address !== undefined && { IPv6Address: ipv6Address }),
    ...(linkLocalAddresses.length > 0 && { LinkLocalIPs: linkLocalAddresses }),
  };
  return {
    ...EMPTY_ENDPOINT,
    IPAMConfig: Object.keys(addresses).length > 0 ? addresses : null,
    Links: linkTexts(asked),
    Aliases: aliases.length > 0 ? aliases : null,
    MacAddress: macAddress,
    DriverOpts: Object.keys(driverOptions).length > 0 ? driverOptions : null,
    GwPriority: gatewayPriority,
    DNSNames: namesOn(asked, entry),
  };
}

function linkTexts({ links = {} }: NetworkAttachment): readonly string[] | null {
  const texts = Object.entries(links).map(([alias, name]) => `${name}:${alias}`);
  return texts.length > 0 ? texts : null;
}

function liveSettings({ id, networkId, macAddress, addresses, gateways }: Endpoint) {
  const own = addresses.find(({ address }) => familyOf(address) === 'ipv4');
  const own6 = addresses.find(({ address }) => familyOf(address) === 'ipv6');
  return {
    NetworkID: networkId,
    EndpointID: id,
    MacAddress: macAddress,
    Gateway: gateways.find((gateway) => familyOf(gateway) === 'ipv4') ?? '',
    IPAddress: own?.address ?? '',
    IPPrefixLen: own?.prefixLength ?? 0,
    IPv6Gateway: gateways.find((gateway) => familyOf(gateway) === 'ipv6') ?? '',
    GlobalIPv6Address: own6?.address ?? '',
    GlobalIPv6PrefixLen: own6?.prefixLength ?? 0,
  };
}

/** Every port that is served, with null where it is not published. */
export function portMapOf({ sandbox }: ContainerNetworkView): PortMap {
  if (!sandbox) return {};
  const published = Map.groupBy(sandbox.publications, formatPort);
  return Object.fromEntries(
    sandbox.servedPorts.map(formatPort).map((port) => [port, published.get(port)?.map(toBinding) ?? null]),
  );
}

function toBinding({ hostAddress, hostPort }: Publication): PortBinding {
  return { HostIp: hostAddress, HostPort: String(hostPort) };
}

/** The PORTS column of `ps`. */
export function portSummaries({ sandbox }: ContainerNetworkView): readonly PortSummary[] {
  const { servedPorts = [], publications = [] } = sandbox ?? {};
  const published = Map.groupBy(publications, formatPort);
  return servedPorts.flatMap((served) => {
    const own = { PrivatePort: served.port, Type: served.protocol };
    const bindings = published.get(formatPort(served));
    return (
      bindings?.map(({ hostAddress, hostPort }) => ({ IP: hostAddress, PublicPort: hostPort, ...own })) ?? [
        own,
      ]
    );
  });
}
