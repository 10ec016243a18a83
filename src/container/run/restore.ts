import { existsSync, readFileSync } from 'node:fs';
import { messageOf } from '#base/errors.ts';
import { isAlive } from '#linux/process.ts';
import { NEVER, now } from '#base/clock.ts';
import type { ContainerContext } from '../context.ts';
import { watchForExit } from './exit.ts';
import { removeLeftovers } from './leftovers.ts';
import { type ManagedContainer, createManaged } from './managed-container.ts';
import { watchMemory } from './memory.ts';
import { removeOwedVolumes } from '../owed-volumes.ts';
import { removeStopped } from '../remove.ts';
import { inputModeOf } from './start.ts';
import type { Run } from './state.ts';

/** What dockerd reports for a container whose end nobody saw. */
const UNKNOWN_EXIT_CODE = 255;

/** The kernel's name for the time since the machine was started. */
export function readBootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
}

/** Brings the records of former daemons into memory; nothing is done about them yet. */
export function loadContainers(context: ContainerContext): void {
  for (const [definition, progress] of context.store.all()) {
    context.lookup.add(createManaged(context, definition, progress));
  }
}

/**
 * Takes over what runs, ends the runs of what has ended meanwhile, and removes what is neither: the remains of
 * creates, starts and removals that a daemon did not finish.
 */
export async function restoreContainers(context: ContainerContext): Promise<void> {
  await removeLeftovers(context);
  for (const container of context.lookup.values()) {
    try {
      await restoreContainer(context, container);
    } catch (error) {
      context.logger.error('restoring a container failed', { id: container.id, error: messageOf(error) });
    }
  }
  await removeOwedVolumes(context, context.store.owedVolumes.names());
}

async function restoreContainer(context: ContainerContext, container: ManagedContainer): Promise<void> {
  if (container.run) return takeOver(context, container, container.run);
  endUnfinishedStart(context, container);
  const { state } = container;
  if (state.status === 'removing' || state.status === 'dead' || !context.snapshots.get(container.id)) {
    await removeStopped(context, container, { volumes: container.spec.removedOnExit });
  } else if (container.spec.removedOnExit && state.status === 'exited') {
    await removeStopped(context, container, { volumes: true });
  }
}

function takeOver(
  context: ContainerContext,
  container: ManagedContainer,
  run: Run,
): Promise<void> | undefined {
  const isLost = run.bootId !== context.bootId || !existsSync(context.paths.bundle(container.id));
  if (isLost) return endLostRun(context, container);
  const process = context.supervisor.reattach({
    id: container.id,
    directory: context.paths.bundle(container.id),
    input: inputModeOf(container),
    identity: run.process,
    monitor: run.monitor,
    ...(run.holder && { holder: run.holder }),
  });
  container.process = process;
  container.hub.open(process.streams.sources, container.log.openWriter());
  container.input.open(process.streams.input);
  if (isAlive(run.process.pid, run.process.startTime)) watchMemory(context, container);
  watchForExit(context, container, process);
  return undefined;
}

/** The machine was restarted, or the end of the run could not be recorded: nothing tells how it ended. */
async function endLostRun(context: ContainerContext, container: ManagedContainer): Promise<void> {
  const { sandbox } = container;
  container.apply({ type: 'exited', exitCode: UNKNOWN_EXIT_CODE, finishedAt: now() });
  if (sandbox) context.networks.release(sandbox);
  if (context.snapshots.get(container.id)) await context.snapshots.unmount(container.id);
  if (container.spec.removedOnExit) await removeStopped(context, container, { volumes: true });
}

/**
 * After power loss it counts that the container was started, as was promised; in the same boot it does not: nobody
 * was told that the start succeeded.
 */
function endUnfinishedStart(context: ContainerContext, container: ManagedContainer): void {
  const { starting } = container;
  if (!starting) return;
  if (starting.bootId === context.bootId) return container.markStarting(undefined);
  const nobody = { pid: 0, startTime: '' };
  const run = {
    process: nobody,
    monitor: nobody,
    startedAt: starting.at,
    previouslyFinishedAt: NEVER,
    outOfMemory: false,
    bootId: starting.bootId,
  };
  container.apply({ type: 'started', run });
  container.apply({ type: 'exited', exitCode: UNKNOWN_EXIT_CODE, finishedAt: now() });
}
