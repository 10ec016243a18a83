/** Between the networks' own words and those of Docker, in which containers are still recorded. */
import { isIP } from 'node:net';
import { EngineError } from '#base/errors.ts';
import { familyOf } from '#base/ip-address.ts';
import type { NetworkAttachment } from '#network/attachment.ts';
import type { Endpoint } from '#network/network.ts';
import { type ContainerPort, parseContainerPort, parsePort, type PortRequest } from '#network/port-spec.ts';
import type { Publication } from '#network/publication.ts';
import { formatPort } from '#base/ports.ts';
import type { EndpointSettings, PortBinding, PortMap } from '#wire/network.ts';

type Endpoints = Readonly<Record<string, EndpointSettings>>;

/** What clients call the network where they leave the choice to the engine. */
const DEFAULT = 'default';
const DEFAULT_NETWORK = 'bridge';

/** The networks that a mode and endpoints ask for; the mode's comes first. */
export function attachmentsOf(
  mode: string,
  endpoints: Endpoints,
  macAddress = '',
): readonly NetworkAttachment[] {
  return Object.entries(plannedEndpoints(mode, endpoints)).map(([network, endpoint], index) =>
    attachmentOf(network, endpoint, index === 0 ? macAddress : ''),
  );
}

function attachmentOf(network: string, endpoint: EndpointSettings, macAddress: string): NetworkAttachment {
  const { IPAMConfig, Aliases, DriverOpts } = endpoint;
  const mac = macAddress || endpoint.MacAddress;
  return {
    network,
    aliases: Aliases ?? [],
    ...(IPAMConfig?.IPv4Address && { ipv4Address: IPAMConfig.IPv4Address }),
    ...(IPAMConfig?.IPv6Address && { ipv6Address: IPAMConfig.IPv6Address }),
    linkLocalAddresses: IPAMConfig?.LinkLocalIPs ?? [],
    ...(mac !== '' && { macAddress: mac }),
    driverOptions: DriverOpts ?? {},
  };
}

/** The endpoints of a container that does not run, as they are to be. */
export function plannedEndpoints(mode: string, endpoints: Endpoints): Endpoints {
  if (mode.startsWith('container:')) return {};
  const primary = mode === DEFAULT || mode === '' ? DEFAULT_NETWORK : mode;
  const names = new Set([primary, ...Object.keys(endpoints).filter((name) => name !== DEFAULT)]);
  return Object.fromEntries(
    [...names].map((name) => {
      const asked = endpoints[name] ?? (name === DEFAULT_NETWORK ? endpoints[DEFAULT] : undefined);
      return [name, { ...NO_ENDPOINT, ...asked }];
    }),
  );
}

/** An endpoint before it exists: what a container shows until it runs. */
export const NO_ENDPOINT: EndpointSettings = {
  IPAMConfig: null,
  Links: null,
  Aliases: null,
  MacAddress: '',
  DriverOpts: null,
  NetworkID: '',
  EndpointID: '',
  Gateway: '',
  IPAddress: '',
  IPPrefixLen: 0,
  IPv6Gateway: '',
  GlobalIPv6Address: '',
  GlobalIPv6PrefixLen: 0,
  DNSNames: null,
};

/** The endpoints of a container that runs; `asked` by the name of the network. */
export function liveEndpoints(endpoints: readonly Endpoint[], asked: Endpoints): Endpoints {
  return Object.fromEntries(
    endpoints.map((endpoint) => [
      endpoint.networkName,
      { ...NO_ENDPOINT, ...asked[endpoint.networkName], ...liveSettings(endpoint) },
    ]),
  );
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

/**
 * The bindings of a container in the order of their ports, and those that `publishAll` adds: one for each exposed
 * port that is not bound.
 *
 * @throws {EngineError} `invalid`
 */
export function portRequestsOf(
  bindings: PortMap,
  exposedPorts: readonly string[] = [],
  publishAll = false,
): readonly PortRequest[] {
  const bound = Object.entries(bindings).flatMap(([key, list]) => {
    const container = parseContainerPort(key);
    return (list ?? []).map((binding) => parseBinding(container, binding));
  });
  if (!publishAll) return bound;
  const keys = new Set(bound.map(formatPort));
  const rest = exposedPorts.map(parseContainerPort).filter((port) => !keys.has(formatPort(port)));
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

/** As the API shows it: every exposed port, with null where it is not published. */
export function portMapOf(publications: readonly Publication[], exposedPorts: readonly string[]): PortMap {
  const exposed = exposedPorts.map((key) => [formatPort(parseContainerPort(key)), null] as const);
  const bound = Map.groupBy(publications, formatPort);
  const bindings = Array.from(bound, ([key, list]) => [key, list.map(toBinding)] as const);
  return Object.fromEntries([...exposed, ...bindings]);
}

function toBinding({ hostAddress, hostPort }: Publication): PortBinding {
  return { HostIp: hostAddress, HostPort: String(hostPort) };
}
