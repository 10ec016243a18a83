import { elapsedMs } from '#base/clock.ts';
import { formatTimestamp } from '#base/timestamps.ts';
import type { BackgroundWork } from '#base/background-work.ts';
import type { SnapshotStore } from '#layer/layer.ts';
import { signalIfAlive } from '#linux/process.ts';
import type { Networks } from '#network/network.ts';
import type { Volumes } from '#volume/volume.ts';
import type { ContainerPaths } from '../container-paths.ts';
import { releaseMounts } from '../mounts/mounts.ts';
import { releaseSharedMemory } from '../mounts/shared-memory.ts';
import type { RecordedExit } from '../process/status-files.ts';
import { deleteFromRuntime } from '../process/delete-container.ts';
import type { Runtimes } from '../process/runtimes.ts';
import { type RemovalRoles, removeStopped } from '../remove.ts';
import type { Container } from './container.ts';
import { noteOutOfMemory } from './memory.ts';
import { unmountRoot } from './root-use.ts';
import type { ActiveRun, Run } from './run.ts';

const SIGKILL = 9;

export interface ExitRoles {
  readonly networks: Pick<Networks, 'release'>;
  readonly volumes: Volumes;
  readonly snapshots: Pick<SnapshotStore, 'unmount'>;
  readonly paths: Pick<ContainerPaths, 'shm'>;
  readonly runtimes: Runtimes;
  readonly removal: RemovalRoles;
  readonly background: BackgroundWork;
}

/** The state of a container after its run has ended. */
export type AfterRun = 'stopped' | 'restarting' | 'removed';

/** Ends the container's run when its process has ended by itself, or has been made to end. */
export function watchForExit(roles: ExitRoles, container: Container, active: ActiveRun): void {
  void active.process.exited.then(() =>
    roles.background.add('ending a container’s run failed', endWatched(roles, container, active)),
  );
}

async function endWatched(roles: ExitRoles, container: Container, active: ActiveRun): Promise<void> {
  using _lock = await container.lock();
  const { run } = container;
  // A restart or a removal has ended it, or it is the next daemon's.
  if (run?.active !== active || active.isDetached) return;
  await endRun(roles, container, run, container.spec.removedOnExit ? 'removed' : 'stopped');
}

/**
 * Ends a run whose process has ended. The caller holds the container's lock.
 *
 * @param next what becomes of the container: with `removed` it is gone when this resolves
 */
export async function endRun(
  roles: ExitRoles,
  container: Container,
  run: Run,
  next: AfterRun,
): Promise<void> {
  const exit = await run.active.process.exited;
  // A runtime that was killed leaves its container's process behind.
  signalIfAlive(run.process.pid, SIGKILL, run.process.startTime);
  await run.active.drain();
  const finishedAt = recordExit(container, run, exit, next === 'restarting');
  container.emit('die', {
    execDuration: String(Math.floor(Math.max(0, elapsedMs(run.startedAt, finishedAt)) / 1000)),
    exitCode: String(exit.exitCode),
  });
  const released = releaseResources(roles, container, run, next);
  await Promise.all([released, announceExit(roles, container, run, { exitCode: exit.exitCode, next })]);
}

/** What waits for the exit may take it that attached clients have the output. */
async function announceExit(
  { removal }: ExitRoles,
  container: Container,
  run: Run,
  { exitCode, next }: { readonly exitCode: number; readonly next: AfterRun },
): Promise<void> {
  await run.active.end();
  container.waiters.stopped({ exitCode });
  if (next === 'removed') await removeStopped(removal, container, { volumes: true });
}

/** Returns when the run ended, in RFC 3339: never before it began, whatever the clocks say. */
function recordExit(
  container: Container,
  run: Run,
  { exitCode, outOfMemory, atNs }: RecordedExit,
  restarts: boolean,
): string {
  if (outOfMemory) noteOutOfMemory(container);
  const at = formatTimestamp(atNs);
  const finishedAt = elapsedMs(run.startedAt, at) < 0 ? run.startedAt : at;
  container.settle({ type: 'exited', exitCode, finishedAt, restarts });
  return finishedAt;
}

/** Takes back what must be gone before the next start; that the container has exited is known before. */
async function releaseResources(
  { networks, volumes, paths, snapshots, runtimes, removal }: ExitRoles,
  container: Container,
  { sandbox, active }: Run,
  next: AfterRun,
): Promise<void> {
  const { id, definition } = container;
  // A snapshot that was lost meanwhile is not there to be unmounted.
  const isGone = next === 'removed' || !(removal.snapshots.get(id) ?? removal.snapshots.damage(id));
  if (sandbox) networks.release(sandbox);
  await deleteFromRuntime(runtimes, id);
  releaseMounts(definition.mounts, { containerId: id, volumes });
  releaseSharedMemory(paths, container);
  await Promise.all([active.process.release(), isGone ? undefined : unmountRoot({ snapshots }, container)]);
}
