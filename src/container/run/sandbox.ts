import type { SandboxRecord, SandboxRequest } from '#network/network.ts';
import type { ContainerContext } from '../context.ts';
import { attachmentsOf, portRequestsOf } from '../docker-network.ts';
import { sharedNetwork } from './join-namespaces.ts';
import type { ManagedContainer } from './managed-container.ts';
import type { InjectedFiles } from '../spec/spec-mounts.ts';

/** What a container gets of the network when it starts. */
export interface ContainerNetwork {
  /** Absent for the host's network. */
  readonly namespacePath?: string;
  readonly files: InjectedFiles;
  /** Absent where the network is another container's. */
  readonly sandbox?: SandboxRecord;
}

/** Takes a sandbox of its own, or the network of the container that it joins; with the files that belong to it. */
export async function connectNetwork(
  context: ContainerContext,
  container: ManagedContainer,
): Promise<ContainerNetwork> {
  const shared = sharedNetwork(context, container.hostConfig);
  if (shared) return { namespacePath: shared.namespacePath, files: context.paths.files(shared.container.id) };
  const files = context.paths.files(container.id);
  const sandbox = await context.networks.acquire({ ...sandboxRequest(container), files });
  const { namespacePath } = sandbox;
  return { files, sandbox, ...(namespacePath !== undefined && { namespacePath }) };
}

function sandboxRequest({ id, name, config, hostConfig, definition }: ManagedContainer): SandboxRequest {
  const { PortBindings, PublishAllPorts, Dns, DnsSearch, DnsOptions, ExtraHosts, Sysctls } = hostConfig;
  const mode = config.NetworkDisabled ? 'none' : hostConfig.NetworkMode;
  return {
    id,
    name,
    hostname: config.Hostname,
    domainname: config.Domainname,
    attachments: attachmentsOf(mode, definition.endpoints, config.MacAddress),
    ports: portRequestsOf(PortBindings ?? {}, Object.keys(config.ExposedPorts ?? {}), PublishAllPorts),
    dnsServers: Dns ?? [],
    dnsSearch: DnsSearch ?? [],
    dnsOptions: DnsOptions ?? [],
    extraHosts: ExtraHosts ?? [],
    sysctls: Sysctls ?? {},
  };
}
