import { existsSync, readdirSync, rmSync } from 'node:fs';
import { messageOf } from '#base/errors.ts';
import type { Logger } from '#base/log.ts';
import type { SnapshotStore } from '#layer/layer.ts';
import type { LostAndFound } from '#store/lost-and-found.ts';
import { unmountAll } from '#linux/mount.ts';
import type { ContainerPaths } from '../container-paths.ts';
import { untilDrained } from '../process/drain.ts';
import { readMonitor } from '../process/monitor.ts';
import { readHolder } from '../process/process-terminal.ts';
import type { Supervisor } from '../process/supervisor.ts';
import { OutputHub } from '../streams/output-hub.ts';
import { type DiscardRoles, discardRun } from './discard-run.ts';

const CONTAINER_ID = /^[0-9a-f]{64}$/;

export interface OrphanRoles extends DiscardRoles {
  readonly paths: ContainerPaths;
  readonly supervisor: Supervisor;
  readonly snapshots: Pick<SnapshotStore, 'get' | 'list' | 'damaged' | 'abandon' | 'unmount'>;
  readonly lost: LostAndFound;
  readonly logger: Logger;
  /** What the daemon holds until it stops. */
  readonly held: DisposableStack;
}

/** What is recorded of containers. */
export interface RecordedContainers {
  has(id: string): boolean;
  /** Whether it runs, as far as is known, since the machine was started. */
  runs(id: string): boolean;
}

/**
 * Removes what belongs to no recorded container or run: starts, creates and removals that a former daemon did not
 * finish. Execs of former daemons run on; their output is dropped.
 */
export async function removeOrphans(roles: OrphanRoles, recorded: RecordedContainers): Promise<void> {
  const { paths, supervisor } = roles;
  const bundles = readdirSync(paths.bundles).filter((id) => !recorded.runs(id));
  await Promise.all(bundles.map((id) => discardRun(roles, id)));
  supervisor.removeStatusFiles((id) => !recorded.runs(id) && !existsSync(paths.exec(id)));
  await unmountStopped(roles, recorded);
  for (const id of readdirSync(paths.execs)) void drainExec(roles, id);
  for (const id of readdirSync(paths.sharedMemory).filter((id) => !recorded.runs(id))) {
    unmountAll(paths.shm(id));
    rmSync(paths.shm(id), { recursive: true, force: true });
  }
  await removeUnrecorded(roles, recorded);
}

/** What a create that was not recorded, or a removal after its record was gone, has left. */
async function removeUnrecorded(
  { paths, snapshots, lost }: OrphanRoles,
  recorded: RecordedContainers,
): Promise<void> {
  for (const id of readdirSync(paths.root)) {
    if (recorded.has(id)) continue;
    // Without --rm, a container is recorded for good before it says anything.
    if (hasFiles(paths.log(id)) && !snapshots.get(id)?.volatile)
      lost.take('container', paths.container(id), 'a container without a record');
    else rmSync(paths.container(id), { recursive: true, force: true });
  }
  const known = snapshots.list().filter(({ id }) => CONTAINER_ID.test(id));
  const orphans = [...known.map(({ id }) => id), ...snapshots.damaged()].filter((id) => !recorded.has(id));
  await Promise.all(orphans.map((id) => snapshots.abandon(id)));
}

function hasFiles(directory: string): boolean {
  return existsSync(directory) && readdirSync(directory).length > 0;
}

/** Unmounts the roots that a daemon which died after its containers has left mounted. */
async function unmountStopped({ snapshots }: OrphanRoles, recorded: RecordedContainers): Promise<void> {
  const stopped = snapshots.list().filter(({ id }) => CONTAINER_ID.test(id) && !recorded.runs(id));
  await Promise.all(stopped.map(({ id }) => snapshots.unmount(id)));
}

/** Reads the output of an exec of a former daemon until it ends, so that the exec never blocks. */
async function drainExec({ supervisor, paths, logger, held }: OrphanRoles, id: string): Promise<void> {
  const directory = paths.exec(id);
  try {
    const monitor = readMonitor(directory);
    const holder = readHolder(directory);
    if (!monitor) return await supervisor.discard(id, directory);
    const process = supervisor.reattach({
      id,
      directory,
      input: 'none',
      identity: { pid: 0, startTime: '' },
      monitor,
      ...(holder && { holder }),
    });
    // Its terminal had no holder yet, so it had not started.
    if (process.streams.sources.size === 0) {
      process.detach();
      return await supervisor.discard(id, directory);
    }
    const output = new OutputHub(logger);
    output.open(process.streams.sources);
    held.defer(() => {
      output.detach();
      process.detach();
    });
    await process.exited;
    await untilDrained(output.drained);
    output.close();
    await process.release();
  } catch (error) {
    logger.warn('what an exec left cannot be removed', { id, error: messageOf(error) });
  }
  return undefined;
}
