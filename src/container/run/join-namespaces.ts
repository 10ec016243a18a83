import type { ContainerContext } from '../context.ts';
import { containerError } from '../container-errors.ts';
import type { JoinedNamespace, NamespacesSpec, NetworkMode } from '../container-spec.ts';
import type { ManagedContainer } from './managed-container.ts';
import type { NamespaceChoice, SpecNamespaces } from '../spec/spec.ts';
import type { Run } from './state.ts';

/**
 * Which namespaces a container gets of its own, and which are another's.
 *
 * @throws {EngineError} `conflict` if a container to join does not run
 */
export function chooseNamespaces(context: ContainerContext, wanted: NamespacesSpec): SpecNamespaces {
  return {
    pid: namespaceOf(context, wanted.pid, 'pid'),
    ipc: namespaceOf(context, wanted.ipc, 'ipc'),
    uts: wanted.uts,
    cgroup: wanted.cgroup ?? 'private',
  };
}

function namespaceOf(
  context: ContainerContext,
  wanted: string | JoinedNamespace,
  kind: 'pid' | 'ipc',
): NamespaceChoice {
  if (wanted === 'host') return 'host';
  if (typeof wanted === 'string') return 'private';
  const { run } = runningContainer(
    context,
    wanted.container,
    kind === 'pid' ? 'PID namespace' : 'IPC namespace',
  );
  return { path: `/proc/${run.process.pid}/ns/${kind}` };
}

/**
 * The container whose network this one shares, undefined where it has its own.
 *
 * @throws {EngineError} `conflict` if that container does not run
 */
export function sharedNetwork(
  context: ContainerContext,
  mode: NetworkMode,
): { readonly container: ManagedContainer; readonly namespacePath: string } | undefined {
  if (mode.kind !== 'joined') return undefined;
  const { container, run } = runningContainer(context, mode.container, 'network');
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
  throw containerError('joined-not-running', { subject: container.id, details: { what } });
}
