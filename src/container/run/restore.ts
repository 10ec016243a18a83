import { existsSync } from 'node:fs';
import { NEVER, now } from '#base/clock.ts';
import { messageOf } from '#base/errors.ts';
import { isAlive } from '#linux/process.ts';
import type { SandboxRecord } from '#network/network.ts';
import type { ContainerPaths } from '../container-paths.ts';
import type { ContainerDefinition, ContainerProgress, StartPromise } from '../container-record.ts';
import type { ContainerStore } from '../container-store.ts';
import type { Lookup } from '../lookup.ts';
import { removeOrphanVolumes } from '../orphan-volumes.ts';
import type { Supervisor } from '../process/supervisor.ts';
import { removeStopped } from '../remove.ts';
import type { StoredContainer } from '../stored-container.ts';
import { AttachableStreams } from '../streams/attachable-streams.ts';
import { readUnfinishedLines } from '../streams/unfinished-line.ts';
import { watchForExit } from './exit.ts';
import { inputModeOf } from './launch.ts';
import { damagedState, type LossRoles, unlessLost } from './lost.ts';
import type { Container } from './container.ts';
import { watchMemory } from './memory.ts';
import { type OrphanRoles, removeOrphans } from './orphans.ts';
import { ActiveRun, type Run } from './run.ts';
import { endWithFirstProcess } from './shared-pid-namespace.ts';
import { type StartRoles, startContainer } from './start.ts';
import {
  type ContainerEvent,
  type ContainerState,
  initialState,
  type RunRecord,
  type RunningState,
  isRunning,
  transition,
} from './state.ts';

/** What dockerd reports for a container whose exit code is lost. */
const UNKNOWN_EXIT_CODE = 255;

export interface RestoreRoles {
  readonly store: ContainerStore;
  readonly lookup: Lookup<Container>;
  readonly paths: Pick<ContainerPaths, 'bundle'>;
  readonly supervisor: Supervisor;
  readonly orphans: OrphanRoles;
  readonly start: StartRoles;
  /** Brings a record into memory. */
  readonly make: MakeContainer;
}

export type MakeContainer = (definition: ContainerDefinition, state: ContainerState<Run>) => Container;

/**
 * Adopts what runs, ends the runs of what has ended meanwhile, and removes what is neither: the remains of creates,
 * starts and removals that a former daemon did not finish. A restart that it did not finish is finished afterwards.
 */
export async function restoreContainers(roles: RestoreRoles): Promise<void> {
  const { store, orphans } = roles;
  const { bootId } = roles.start;
  const records = store.all(orphans.logger);
  const byId = new Map(records.map((record) => [record.definition.id, record]));
  await removeOrphans(orphans, {
    has: (id) => byId.has(id),
    runs: (id) => {
      const record = byId.get(id);
      if (!record) return false;
      // It may run, and is left alone until it is removed.
      if (record.damage !== undefined) return true;
      const { state } = record.progress;
      return isRunning(state) && state.run.bootId === bootId;
    },
  });
  for (const record of records) await restoreOrGiveUp(roles, record);
  const { removal } = roles.start.exit;
  await removeOrphanVolumes({ ...removal, store }, store.orphanVolumes.names());
}

/** A container that cannot be restored is dead, and keeps no other from being restored. */
async function restoreOrGiveUp(
  roles: RestoreRoles,
  { definition, progress, damage }: StoredContainer,
): Promise<void> {
  const { id } = definition;
  const giveUp = (reason: string) => add(roles, definition, damagedState(roles.orphans.logger, id, reason));
  if (damage !== undefined) return void giveUp(damage);
  try {
    await restoreContainer(roles, definition, progress);
  } catch (error) {
    if (!roles.lookup.byId(id)) giveUp(messageOf(error));
    else roles.orphans.logger.error('restoring a container failed', { id, error: messageOf(error) });
  }
}

async function restoreContainer(
  roles: RestoreRoles,
  definition: ContainerDefinition,
  progress: ContainerProgress,
): Promise<void> {
  const { id } = definition;
  const { state, sandbox } = progress;
  if (!isRunning(state)) {
    const ended = withoutRun(endUnfinishedStart(roles, id, progress));
    return await restoreStopped(roles, definition, unlessLost(lossRoles(roles), definition, ended));
  }
  const recorded = { state, ...(sandbox && { sandbox }) };
  const isLost = state.run.bootId !== roles.start.bootId || !existsSync(roles.paths.bundle(id));
  if (isLost) return await endLostRun(roles, definition, recorded);
  return await adopt(roles, definition, recorded);
}

async function restoreStopped(
  { start, ...roles }: RestoreRoles,
  definition: ContainerDefinition,
  state: ContainerState<Run>,
): Promise<void> {
  const { removal, background } = start.exit;
  const { removedOnExit } = definition.spec;
  const container = add(roles, definition, state);
  const isLost = state.status === 'dead' && state.problem !== undefined;
  const isGoing = state.status === 'removing' || state.status === 'dead';
  if (isLost) return;
  if (isGoing || !removal.snapshots.get(container.id)) {
    await removeStopped(removal, container, { volumes: removedOnExit });
  } else if (state.status === 'restarting') {
    background.add('finishing a restart failed', startContainer(start, container));
  } else if (removedOnExit) {
    // Also what was never started: nobody else would remove it.
    await removeStopped(removal, container, { volumes: true });
  }
}

function lossRoles({ start, orphans }: RestoreRoles): LossRoles {
  return { snapshots: start.exit.removal.snapshots, logger: orphans.logger };
}

function add(
  { make, lookup }: Pick<RestoreRoles, 'make' | 'lookup'>,
  definition: ContainerDefinition,
  state: ContainerState<Run>,
): Container {
  const container = make(definition, state);
  lookup.add(container);
  return container;
}

interface RecordedRun {
  readonly state: RunningState<RunRecord>;
  readonly sandbox?: SandboxRecord;
}

async function adopt(
  { start, supervisor, paths, ...roles }: RestoreRoles,
  definition: ContainerDefinition,
  { state: { status, run }, sandbox }: RecordedRun,
): Promise<void> {
  const { id, spec } = definition;
  const directory = paths.bundle(id);
  // Before its pipes are taken, which are read from then on.
  const left = await readUnfinishedLines(directory, () => roles.make(definition, initialState).log);
  const process = supervisor.reattach({
    id,
    directory,
    input: inputModeOf(spec),
    identity: run.process,
    monitor: run.monitor,
    ...(run.holder && { holder: run.holder }),
  });
  const active = new ActiveRun(process, new AttachableStreams(roles.orphans.logger));
  const live = { ...run, ...(sandbox && { sandbox }), active };
  const container = add(roles, definition, { status, run: live });
  watchForExit(start.exit, container, active);
  active.open({ writer: container.log.openWriter(), directory, left });
  if (isAlive(run.process.pid, run.process.startTime)) watchMemory(start.cgroups, container);
  endWithFirstProcess(start.cgroups, container, live);
}

/** The machine was restarted, or the end of the run could not be recorded: nothing tells how it ended. */
async function endLostRun(
  { start, store, ...roles }: RestoreRoles,
  definition: ContainerDefinition,
  { state, sandbox }: RecordedRun,
): Promise<void> {
  const ended = transition(state, unseenExit());
  const { removal, networks, snapshots } = start.exit;
  store.saveProgress(definition.id, { state: ended });
  const loss = { snapshots: removal.snapshots, logger: roles.orphans.logger };
  const container = add(roles, definition, unlessLost(loss, definition, withoutRun(ended)));
  if (sandbox) networks.release(sandbox);
  if (removal.snapshots.get(container.id)) await snapshots.unmount(container.id);
  if (definition.spec.removedOnExit) await removeStopped(removal, container, { volumes: true });
}

/**
 * After power loss the container counts as started, as its client was told. In the same boot it does not, since no
 * client was told that the start succeeded.
 */
function endUnfinishedStart(
  { store, start }: RestoreRoles,
  id: string,
  { state, starting }: ContainerProgress,
): ContainerState {
  if (!starting) return state;
  const ended =
    starting.bootId === start.bootId
      ? state
      : transition(transition(state, { type: 'started', run: promisedRun(starting) }), unseenExit());
  store.saveProgress(id, { state: ended });
  return ended;
}

/** A run of which nothing is known but that it was promised. */
function promisedRun({ at, bootId }: StartPromise): RunRecord {
  const unknown = { pid: 0, startTime: '' };
  return {
    process: unknown,
    monitor: unknown,
    startedAt: at,
    previouslyFinishedAt: NEVER,
    outOfMemory: false,
    bootId,
  };
}

function unseenExit(): ContainerEvent & { readonly type: 'exited' } {
  return { type: 'exited', exitCode: UNKNOWN_EXIT_CODE, finishedAt: now(), restarts: false };
}

function withoutRun(state: ContainerState): Exclude<ContainerState, RunningState<RunRecord>> {
  if (!isRunning(state)) return state;
  throw new Error('a run that has ended has left its state');
}
