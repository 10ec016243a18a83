import { containerError } from '../container-errors.ts';
import type { ContainerSpec, JoinedNamespace, NamespacesSpec, NetworkMode } from '../container-spec.ts';
import type { NamespaceChoice, SpecNamespaces } from '../spec/spec.ts';
import type { RunRecord } from './state.ts';

interface JoinableContainer {
  readonly id: string;
  readonly spec: Pick<ContainerSpec, 'network' | 'hostname' | 'domainname'>;
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
    ipc: namespaceOf(lookup, wanted.ipc ?? 'private', 'ipc'),
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

/** Another container's network. */
export interface SharedNetwork {
  /** Whose own it is: its host name and its files belong to it. */
  readonly owner: JoinableContainer;
  readonly namespacePath: string;
}

/**
 * The network of the container that this one joins, which may itself have joined another's; undefined where it has its
 * own.
 *
 * @throws {EngineError} `conflict` if one of them does not run
 */
export function sharedNetwork(lookup: JoinableContainers, mode: NetworkMode): SharedNetwork | undefined {
  if (mode.kind !== 'joined') return undefined;
  const { container, pid } = runningContainer(lookup, mode.container, 'network');
  const beyond = sharedNetwork(lookup, container.spec.network.mode);
  return { owner: beyond?.owner ?? container, namespacePath: `/proc/${pid}/ns/net` };
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
