import { containerError } from '../container-errors.ts';
import type { JoinedNamespace, NamespacesSpec, NetworkMode } from '../container-spec.ts';
import type { NamespaceChoice, SpecNamespaces } from '../spec/spec.ts';
import type { RunRecord } from './state.ts';

interface JoinableContainer {
  readonly id: string;
  readonly run: Pick<RunRecord, 'process'> | undefined;
}

/** Finds containers by reference. */
export interface JoinableContainers {
  /** @throws {EngineError} `not-found`, or `invalid` for a prefix of several ids */
  get(reference: string): JoinableContainer;
}

/**
 * Decides which namespaces are a container's own, and which are another container's.
 *
 * @throws {EngineError} `conflict` if a container to join does not run
 */
export function chooseNamespaces(lookup: JoinableContainers, wanted: NamespacesSpec): SpecNamespaces {
  return {
    pid: namespaceOf(lookup, wanted.pid, 'pid'),
    ipc: namespaceOf(lookup, wanted.ipc, 'ipc'),
    uts: wanted.uts,
    cgroup: wanted.cgroup ?? 'private',
  };
}

function namespaceOf(
  lookup: JoinableContainers,
  wanted: string | JoinedNamespace,
  kind: 'pid' | 'ipc',
): NamespaceChoice {
  if (wanted === 'host') return 'host';
  if (typeof wanted === 'string') return 'private';
  const what = kind === 'pid' ? 'PID namespace' : 'IPC namespace';
  const { pid } = runningContainer(lookup, wanted.container, what);
  return { path: `/proc/${pid}/ns/${kind}` };
}

/**
 * The container whose network this one shares, undefined where it has its own.
 *
 * @throws {EngineError} `conflict` if that container does not run
 */
export function sharedNetwork(
  lookup: JoinableContainers,
  mode: NetworkMode,
): { readonly container: JoinableContainer; readonly namespacePath: string } | undefined {
  if (mode.kind !== 'joined') return undefined;
  const { container, pid } = runningContainer(lookup, mode.container, 'network');
  return { container, namespacePath: `/proc/${pid}/ns/net` };
}

function runningContainer(
  lookup: JoinableContainers,
  reference: string,
  what: string,
): { readonly container: JoinableContainer; readonly pid: number } {
  const container = lookup.get(reference);
  if (container.run) return { container, pid: container.run.process.pid };
  throw containerError('joined-not-running', { subject: container.id, details: { what } });
}
