import type { Networks } from '#network/network.ts';
import type { NetworkSettings, PortSummary } from '#wire/container.ts';
import type { EndpointSettings } from '#wire/network.ts';
import { parsePort } from '#base/ports.ts';
import { joinedContainer } from '../create/host-requirements.ts';
import type { ManagedContainer } from '../run/managed-container.ts';

type PlannedNetworks = Pick<Networks, 'plannedEndpoints'>;

/** The networks of a container: with addresses while it runs, as they are to be otherwise. */
export function endpointsOf(
  { sandbox, hostConfig, definition }: ManagedContainer,
  networks: PlannedNetworks,
): Readonly<Record<string, EndpointSettings>> {
  if (sandbox) return sandbox.endpoints;
  if (joinedContainer(hostConfig.NetworkMode) !== undefined) return {};
  return networks.plannedEndpoints(hostConfig.NetworkMode, definition.endpoints);
}

/** `NetworkSettings` of inspect: the top level repeats the default bridge's endpoint. */
export function networkSettings(container: ManagedContainer, networks: PlannedNetworks): NetworkSettings {
  const { sandbox, id } = container;
  const endpoints = endpointsOf(container, networks);
  const bridge = sandbox ? endpoints['bridge'] : undefined;
  return {
    Bridge: '',
    SandboxID: sandbox ? id : '',
    SandboxKey: sandbox?.namespacePath ?? '',
    Ports: sandbox?.ports ?? {},
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

/** The PORTS column of `ps`. */
export function portSummaries({ sandbox }: ManagedContainer): readonly PortSummary[] {
  return Object.entries(sandbox?.ports ?? {}).flatMap(([name, bindings]) => {
    const { port, protocol } = parsePort(name);
    const own = { PrivatePort: port, Type: protocol };
    if (!bindings || bindings.length === 0) return [own];
    return bindings.map(({ HostIp, HostPort }) => ({ IP: HostIp, PublicPort: Number(HostPort), ...own }));
  });
}
