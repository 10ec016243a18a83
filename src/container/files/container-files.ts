import { existsSync } from 'node:fs';
import { receiveError } from '#base/error-transfer.ts';
import { isEngineError } from '#base/errors.ts';
import type { RootMount, RootView, SnapshotStore } from '#layer/layer.ts';
import type { FileLane } from '#linux/file-service.ts';
import { containerError } from '../container-errors.ts';
import type { ContainerPaths } from '../container-paths.ts';
import type { Lookup } from '../lookup.ts';
import { byDepth, type MountSources, sourceOf } from '../mounts/mounts.ts';
import type { PlannedMount } from '../mounts/mount-plan.ts';
import type { Container } from '../run/container.ts';
import { releaseRoot } from '../run/root-use.ts';
import { containerLane } from './lanes.ts';

/** The files of a container while the use lasts. */
export interface ContainerFiles extends AsyncDisposable {
  [Symbol.asyncDispose](): Promise<void>;
  readonly view: RootView;
  /** What the files can hang with. */
  readonly lane: FileLane;
}

export interface FilesRoles extends MountSources {
  readonly lookup: Pick<Lookup<Container>, 'byId' | 'find'>;
  readonly snapshots: Pick<SnapshotStore, 'mount' | 'unmount'>;
  readonly paths: Pick<ContainerPaths, 'files'>;
}

/**
 * Opens the files of a container, whether it runs or not: its root, with its volumes and binds where it mounts them. A
 * container that runs has its tmpfs too, and the engine's files in its /etc. Nothing else that is mounted in it is
 * seen: no /proc, /sys and /dev, and nothing that its processes have mounted.
 */
export async function openFiles(roles: FilesRoles, container: Container): Promise<ContainerFiles> {
  const { snapshots, lookup } = roles;
  using _lock = container.run ? undefined : await container.lock();
  const { state } = container;
  // The files of one whose record is damaged are whole.
  const problem = state.status === 'dead' ? state.problem : undefined;
  if (problem?.reason === 'container-lost') throw receiveError(problem);
  const path = snapshots.mount(container.id);
  container.rootUses++;
  await using undo = new AsyncDisposableStack();
  undo.defer(() => releaseRoot({ snapshots, lookup }, container));
  const mounts = await mountsIn(roles, container);
  const kept = undo.move();
  return {
    view: { path, mounts, readonly: container.spec.root.readOnly },
    lane: containerLane(container.id),
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

async function mountsIn(roles: FilesRoles, container: Container): Promise<readonly RootMount[]> {
  const pid = container.run?.process.pid;
  const mounts: RootMount[] = pid === undefined ? [] : engineFiles(roles, container);
  for (const mount of container.definition.mounts.mounts) {
    const source = await viewSource(roles, mount, pid);
    if (source === undefined) continue;
    const { destination, readonly } = mount;
    mounts.push({ destination, source, readonly, recursive: mount.type !== 'bind' || mount.recursive });
  }
  return mounts.toSorted(byDepth);
}

/** Undefined for a tmpfs that is not there. */
async function viewSource(
  roles: FilesRoles,
  mount: PlannedMount,
  pid: number | undefined,
): Promise<RootMount['source'] | undefined> {
  if (mount.type === 'tmpfs') return pid === undefined ? undefined : { tmpfsOf: pid };
  return await sourceOf(roles, mount);
}

/** /etc/hosts and the like, which are the other container's where the network is. */
function engineFiles({ lookup, paths }: FilesRoles, { id, spec, definition }: Container): RootMount[] {
  const { mode } = spec.network;
  const networkOwner = mode.kind === 'joined' ? lookup.find(mode.container)?.id : id;
  const { hosts, resolvConf } = paths.files(networkOwner ?? id);
  const { hostname } = paths.files(id);
  const taken = new Set(definition.mounts.mounts.map(({ destination }) => destination));
  return Object.entries({ hosts, 'resolv.conf': resolvConf, hostname })
    .map(([name, source]) => ({ destination: `/etc/${name}`, source }))
    .filter(({ destination, source }) => !taken.has(destination) && existsSync(source))
    .map((file) => ({ ...file, recursive: false, readonly: spec.root.readOnly }));
}

/** @throws {EngineError} `no-such-container-file` where `work` finds nothing */
export async function orMissing<T>(reference: string, path: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (cause) {
    if (!isEngineError(cause, 'not-found')) throw cause;
    throw containerError('no-such-container-file', {
      subject: path,
      details: { container: reference },
      cause,
    });
  }
}
