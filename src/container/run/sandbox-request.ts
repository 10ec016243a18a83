/** What a container asks the networks for. */
import { formatPort } from '#base/ports.ts';
import { attachTo, type NetworkAttachment } from '#network/attachment.ts';
import type { SandboxRequest } from '#network/network.ts';
import type { PortRequest } from '#network/port-spec.ts';
import type { ContainerSpec, ContainerNetworkSpec } from '../container-spec.ts';

export function sandboxRequest(
  id: string,
  name: string,
  spec: Pick<ContainerSpec, 'hostname' | 'domainname' | 'network' | 'namespaces'>,
): SandboxRequest {
  const { network } = spec;
  return {
    id,
    name,
    hostname: spec.hostname ?? '',
    domainname: spec.domainname ?? '',
    attachments: attachmentsOf(network),
    ports: portsOf(network),
    dnsServers: network.dnsServers,
    dnsSearch: network.dnsSearch,
    dnsOptions: network.dnsOptions,
    extraHosts: network.extraHosts,
    sysctls: spec.namespaces.sysctls,
  };
}

/** The networks that a container is to be on; none where it shares another container's. */
export function attachmentsOf({ mode, macAddress }: ContainerNetworkSpec): readonly NetworkAttachment[] {
  switch (mode.kind) {
    case 'attached': {
      const [first = attachTo(DEFAULT_NETWORK), ...others] = mode.attachments;
      return [{ ...first, ...(macAddress !== undefined && { macAddress }) }, ...others];
    }
    case 'none':
    case 'host':
      return [attachTo(mode.kind)];
    case 'unconnected':
    case 'joined':
      return [];
  }
}

/** The engine's own default network. */
const DEFAULT_NETWORK = 'bridge';

function portsOf({ ports, exposedPorts, publishesAll }: ContainerNetworkSpec): readonly PortRequest[] {
  if (!publishesAll) return ports;
  const requested = new Set(ports.map(formatPort));
  const others = exposedPorts.filter((port) => !requested.has(formatPort(port)));
  return [...ports, ...others.map((port) => ({ ...port, hostAddress: '' }))];
}
