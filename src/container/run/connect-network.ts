import type { Networks, SandboxRecord } from '#network/network.ts';
import { type LinkableContainers, linkedHosts, linksOf, requireRunning } from '../links.ts';
import type { ContainerPaths } from '../container-paths.ts';
import type { InjectedFiles } from '../spec/spec-mounts.ts';
import { type JoinableContainers, sharedNetwork } from './join-namespaces.ts';
import { sandboxRequest } from './sandbox-request.ts';
import type { Workload } from './workload.ts';

export interface NetworkRoles {
  readonly networks: Pick<Networks, 'acquire' | 'release'>;
  readonly lookup: JoinableContainers & LinkableContainers;
  readonly paths: Pick<ContainerPaths, 'files'>;
}

/** What a workload gets of the network when it starts. */
export interface WorkloadNetwork {
  /** Absent for the host's network. */
  readonly namespacePath?: string;
  readonly files: InjectedFiles;
  /** Absent where the network is another container's. */
  readonly sandbox?: SandboxRecord;
}

/** Takes a sandbox of its own, or the network of the container that it joins; with the files that belong to it. */
export async function connectNetwork(
  { networks, lookup, paths }: NetworkRoles,
  { id, name, spec, ownsHostname }: Workload,
): Promise<WorkloadNetwork> {
  const shared = sharedNetwork(lookup, spec.network.mode);
  if (shared) return { namespacePath: shared.namespacePath, files: paths.files(shared.owner.id) };
  const { hostname, ...others } = paths.files(id);
  const files: InjectedFiles = ownsHostname ? { ...others, hostname } : others;
  const links = linksOf(lookup, spec.network.links);
  requireRunning(lookup, name, spec.network.links);
  const linked = links.length > 0 ? { linkedHosts: linkedHosts(links) } : {};
  const sandbox = await networks.acquire({ ...sandboxRequest(id, name, spec), files, ...linked });
  const { namespacePath } = sandbox;
  return {
    files,
    sandbox,
    ...(namespacePath !== undefined && { namespacePath }),
  };
}
