import { writeFileSync } from 'node:fs';
import type { SandboxRecord, SandboxRequest } from '#network/network.ts';
import type { ContainerContext } from '../context.ts';
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
  const sandbox = await context.networks.acquire(sandboxRequest(container));
  const files = context.paths.files(container.id);
  writeFileSync(files.hosts, sandbox.hostsFile);
  writeFileSync(files.resolvConf, sandbox.resolvConf);
  writeFileSync(files.hostname, `${container.config.Hostname}\n`);
  const { namespacePath } = sandbox;
  return { files, sandbox, ...(namespacePath !== undefined && { namespacePath }) };
}

function sandboxRequest({ id, name, config, hostConfig, definition }: ManagedContainer): SandboxRequest {
  return {
    containerId: id,
    containerName: name,
    mode: config.NetworkDisabled ? 'none' : hostConfig.NetworkMode,
    hostname: config.Hostname,
    domainname: config.Domainname,
    endpoints: definition.endpoints,
    portBindings: hostConfig.PortBindings ?? {},
    exposedPorts: Object.keys(config.ExposedPorts ?? {}),
    publishAll: hostConfig.PublishAllPorts,
    dns: hostConfig.Dns ?? [],
    dnsSearch: hostConfig.DnsSearch ?? [],
    dnsOptions: hostConfig.DnsOptions ?? [],
    extraHosts: hostConfig.ExtraHosts ?? [],
    sysctls: hostConfig.Sysctls ?? {},
    ...(config.MacAddress && { macAddress: config.MacAddress }),
  };
}
