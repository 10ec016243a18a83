import { isEngineError } from '#base/errors.ts';
import type { FileLane } from '#linux/file-service.ts';
import { volumeLane } from '#volume/volume-tasks.ts';
import type { SnapshotStore } from '#layer/layer.ts';
import { containerError } from '../container-errors.ts';
import type { Volumes } from '#volume/volume.ts';
import type { Lookup } from '../lookup.ts';
import type { Container } from '../run/container.ts';
import { containerLane, hostLane } from './lanes.ts';

/** A directory tree and a path in it: where something of a container lies on the host while the use lasts. */
export interface ContainerPlace extends AsyncDisposable {
  [Symbol.asyncDispose](): Promise<void>;
  readonly root: string;
  readonly path: string;
  /** What the files can hang with. */
  readonly lane: FileLane;
}

export interface PlaceRoles {
  readonly lookup: Pick<Lookup<Container>, 'byId'>;
  readonly snapshots: Pick<SnapshotStore, 'mount' | 'unmount'>;
  readonly volumes: Pick<Volumes, 'open'>;
}

/**
 * Finds a path of a container. A running container's path is as its processes see it. A stopped container's path is in
 * its snapshot, which is mounted meanwhile, or in the volume or bind mount above the path.
 */
export async function locate(roles: PlaceRoles, container: Container, path: string): Promise<ContainerPlace> {
  const seen = locateInRun(container, path) ?? locateInMount(roles, container, path);
  if (seen) return seen;
  using _lock = await container.lock();
  // A start may have held the lock.
  const running = locateInRun(container, path);
  if (running) return running;
  const root = roles.snapshots.mount(container.id);
  container.rootUses++;
  const lane = containerLane(container.id);
  return { root, path, lane, [Symbol.asyncDispose]: () => release(roles, container) };
}

function locateInRun({ id, run }: Container, path: string): ContainerPlace | undefined {
  if (!run) return undefined;
  const lane = containerLane(id);
  return { root: `/proc/${run.process.pid}/root`, path, lane, [Symbol.asyncDispose]: async () => {} };
}

/** The last use of a stopped container's snapshot unmounts it. */
async function release({ lookup, snapshots }: PlaceRoles, container: Container): Promise<void> {
  using _lock = await container.lock();
  container.rootUses--;
  if (container.rootUses > 0) return;
  if (!container.run && lookup.byId(container.id)) await snapshots.unmount(container.id);
}

/** The nearest mount that the path is strictly below. */
function locateInMount(
  { volumes }: PlaceRoles,
  { definition }: Container,
  path: string,
): ContainerPlace | undefined {
  const absolute = path.startsWith('/') ? path : `/${path}`;
  const above = definition.mounts.mounts
    .filter((mount) => mount.type !== 'tmpfs' && absolute.startsWith(`${mount.destination}/`))
    .toSorted((a, b) => b.destination.length - a.destination.length)[0];
  if (!above || above.type === 'tmpfs') return undefined;
  const root = above.type === 'bind' ? above.source : volumes.open(above.name);
  const lane = above.type === 'bind' ? hostLane(root) : volumeLane(above.name);
  return {
    root,
    path: absolute.slice(above.destination.length),
    lane,
    [Symbol.asyncDispose]: async () => {},
  };
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
