import type { NetworkSettings, PortSummary } from '#wire/container.ts';
import type { EndpointSettings, PortMap } from '#wire/network.ts';
import { parsePort } from '#base/ports.ts';
import { liveEndpoints, plannedEndpoints, portMapOf } from '../docker-network.ts';
import type { ManagedContainer } from '../run/managed-container.ts';

/** The networks of a container: with addresses while it runs, as they are to be otherwise. */
export function endpointsOf({
  sandbox,
  hostConfig,
  definition,
}: ManagedContainer): Readonly<Record<string, EndpointSettings>> {
  const planned = plannedEndpoints(hostConfig.NetworkMode, definition.endpoints);
  return sandbox ? liveEndpoints(sandbox.endpoints, planned) : planned;
}

/** Each exposed port, and where it is published while the container runs. */
function portsOf({ sandbox, config }: ManagedContainer): PortMap {
  if (!sandbox || sandbox.endpoints.every(({ addresses }) => addresses.length === 0)) return {};
  return portMapOf(sandbox.publications, Object.keys(config.ExposedPorts ?? {}));
}

/** `NetworkSettings` of inspect: the top level repeats the default bridge's endpoint. */
export function networkSettings(container: ManagedContainer): NetworkSettings {
  const { sandbox, id } = container;
  const endpoints = endpointsOf(container);
  const bridge = sandbox ? endpoints['bridge'] : undefined;
  return {
    Bridge: '',
    SandboxID: sandbox ? id : '',
    SandboxKey: sandbox?.namespacePath ?? '',
    Ports: portsOf(container),
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
export function portSummaries(container: ManagedContainer): readonly PortSummary[] {
  return Object.entries(portsOf(container)).flatMap(([name, bindings]) => {
    const { port, protocol } = parsePort(name);
    const own = { PrivatePort: port, Type: protocol };
    if (!bindings || bindings.length === 0) return [own];
    return bindings.map(({ HostIp, HostPort }) => ({ IP: HostIp, PublicPort: Number(HostPort), ...own }));
  });
}
