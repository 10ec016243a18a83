import type { SandboxRecord } from '#network/network.ts';
import type { ContainerContext } from '../context.ts';
import { sandboxRequest } from './sandbox-request.ts';
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
  const shared = sharedNetwork(context, container.spec.network.mode);
  if (shared) return { namespacePath: shared.namespacePath, files: context.paths.files(shared.container.id) };
  const files = context.paths.files(container.id);
  const request = sandboxRequest(container.id, container.name, container.spec);
  const sandbox = await context.networks.acquire({ ...request, files });
  const { namespacePath } = sandbox;
  return { files, sandbox, ...(namespacePath !== undefined && { namespacePath }) };
}
