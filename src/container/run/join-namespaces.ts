import { EngineError } from '#base/errors.ts';
import type { HostConfig } from '#wire/container.ts';
import type { ContainerContext } from '../context.ts';
import { joinedContainer } from '../create/host-requirements.ts';
import type { ManagedContainer } from './managed-container.ts';
import type { NamespaceChoice, SpecNamespaces } from '../spec/spec.ts';
import type { Run } from './state.ts';

/**
 * Which namespaces a container gets of its own, and which are another's.
 *
 * @throws {EngineError} `conflict` if a container to join does not run
 */
export function chooseNamespaces(context: ContainerContext, hostConfig: HostConfig): SpecNamespaces {
  return {
    pid: namespaceOf(context, hostConfig.PidMode, 'pid'),
    ipc: namespaceOf(context, hostConfig.IpcMode, 'ipc'),
    uts: hostConfig.UTSMode === 'host' ? 'host' : 'private',
    cgroup: hostConfig.CgroupnsMode === 'host' ? 'host' : 'private',
  };
}

function namespaceOf(context: ContainerContext, mode: string, kind: 'pid' | 'ipc'): NamespaceChoice {
  if (mode === 'host') return 'host';
  const reference = joinedContainer(mode);
  if (reference === undefined) return 'private';
  const { run } = runningContainer(context, reference, kind === 'pid' ? 'PID' : 'IPC');
  return { path: `/proc/${run.process.pid}/ns/${kind}` };
}

/**
 * The container whose network this one shares, undefined where it has its own.
 *
 * @throws {EngineError} `conflict` if that container does not run
 */
export function sharedNetwork(
  context: ContainerContext,
  hostConfig: HostConfig,
): { readonly container: ManagedContainer; readonly namespacePath: string } | undefined {
  const reference = joinedContainer(hostConfig.NetworkMode);
  if (reference === undefined) return undefined;
  const { container, run } = runningContainer(context, reference, 'network');
  return { container, namespacePath: `/proc/${run.process.pid}/ns/net` };
}

function runningContainer(
  context: ContainerContext,
  reference: string,
  what: string,
): { readonly container: ManagedContainer; readonly run: Run } {
  const container = context.lookup.get(reference);
  const { run } = container;
  if (run) return { container, run };
  const namespace = what === 'network' ? 'network' : `${what} namespace`;
  throw new EngineError('conflict', `cannot join ${namespace} of a non running container: ${container.id}`);
}
