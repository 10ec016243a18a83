import { execFile } from 'node:child_process';
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { messageOf } from '#base/errors.ts';
import { unmountAll } from '#linux/mount.ts';
import type { ContainerContext } from '../context.ts';
import { untilDrained } from '../process/drain.ts';
import { readMonitor } from '../process/monitor.ts';
import { OutputHub } from '../streams/output-hub.ts';
import { readHolder } from '../process/process-terminal.ts';
import { runtimeArguments } from '../process/runtime-command.ts';
import { withRuntimeOf } from '../process/runtimes.ts';

const run = promisify(execFile);
const CONTAINER_ID = /^[0-9a-f]{64}$/;

/**
 * Removes what belongs to no recorded container or run: starts, creates and removals that a former daemon did not
 * finish. Execs of former daemons run on; their output goes nowhere any more.
 */
export async function removeLeftovers(context: ContainerContext): Promise<void> {
  const { lookup, paths, bootId } = context;
  const runs = (id: string) => lookup.byId(id)?.run?.bootId === bootId;
  const bundles = readdirSync(paths.bundles).filter((id) => !runs(id));
  await Promise.all(bundles.map((id) => discardRun(context, id)));
  context.supervisor.removeNotices((id) => !runs(id) && !existsSync(paths.exec(id)));
  await unmountStopped(context, runs);
  for (const id of readdirSync(paths.execs)) void drainExec(context, id);
  for (const id of readdirSync(paths.sharedMemory).filter((id) => !runs(id))) {
    unmountAll(paths.shm(id));
    rmSync(paths.shm(id), { recursive: true, force: true });
  }
  await removeUnrecorded(context);
}

/** What a create that was not recorded, or a removal after its record was gone, has left. */
async function removeUnrecorded({ lookup, paths, snapshots }: ContainerContext): Promise<void> {
  for (const id of readdirSync(paths.root)) {
    if (!lookup.byId(id)) rmSync(paths.container(id), { recursive: true, force: true });
  }
  const orphans = snapshots.list().filter(({ id }) => CONTAINER_ID.test(id) && !lookup.byId(id));
  await Promise.all(orphans.map(({ id }) => snapshots.remove(id)));
}

/** A daemon that died after its container has left its root mounted. */
async function unmountStopped({ snapshots }: ContainerContext, runs: (id: string) => boolean): Promise<void> {
  const stopped = snapshots.list().filter(({ id }) => CONTAINER_ID.test(id) && !runs(id));
  await Promise.all(stopped.map(({ id }) => snapshots.unmount(id)));
}

async function discardRun(context: ContainerContext, id: string): Promise<void> {
  const { paths, supervisor, logger } = context;
  try {
    await supervisor.discard(id, paths.bundle(id));
    await deleteFromRuntime(context, id);
  } catch (error) {
    logger.warn('what an unfinished start left cannot be removed', { id, error: messageOf(error) });
  }
}

/** A runtime that is ending itself may be faster. */
async function deleteFromRuntime(context: ContainerContext, id: string): Promise<void> {
  const state = join(context.paths.runtime, id);
  if (!existsSync(state)) return;
  try {
    const { runtime } = withRuntimeOf(context, id);
    await run(runtime.path, runtimeArguments(context, 'delete', '--force', id));
  } catch (error) {
    if (existsSync(state)) throw error;
  }
}

/** Reads what an exec of a former daemon still says, so that it never blocks, until it ends. */
async function drainExec({ supervisor, paths, logger, held }: ContainerContext, id: string): Promise<void> {
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
    // Its terminal was in no holder's hands yet: it had not started.
    if (process.streams.sources.size === 0) {
      process.detach();
      return await supervisor.discard(id, directory);
    }
    const hub = new OutputHub(logger);
    hub.open(process.streams.sources);
    held.defer(() => {
      hub.detach();
      process.detach();
    });
    await process.exited;
    await untilDrained(hub.drained);
    hub.close();
    await process.release();
  } catch (error) {
    logger.warn('what an exec left cannot be removed', { id, error: messageOf(error) });
  }
  return undefined;
}
