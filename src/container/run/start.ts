import { NEVER, now } from '#base/clock.ts';
import { receiveError, transferError } from '#base/error-transfer.ts';
import { EngineError, hasReason, messageOf } from '#base/errors.ts';
import { unreachable } from '#base/unreachable.ts';
import type { SnapshotStore } from '#layer/layer.ts';
import { signalIfAlive } from '#linux/process.ts';
import { containerError } from '../container-errors.ts';
import type { ContainerStore } from '../container-store.ts';
import type { ContainerCgroups } from '../process/container-cgroups.ts';
import type { SupervisedProcess } from '../process/supervised-process.ts';
import { startExitCode } from '../process/start-exit-code.ts';
import { removeStopped } from '../remove.ts';
import { type MountRoles, containerWorkload } from './container-workload.ts';
import { type ExitRoles, watchForExit } from './exit.ts';
import { type JoinableContainers, sharedNetwork } from './join-namespaces.ts';
import { type LaunchRoles, launch } from './launch.ts';
import type { Container } from './container.ts';
import { watchMemory } from './memory.ts';
import { relinkOthers, type RelinkRoles } from './relink.ts';
import { unmountRoot } from './root-use.ts';
import { ActiveRun, type Run } from './run.ts';
import { endWithFirstProcess } from './shared-pid-namespace.ts';
import { type RunRecord, stoppedState } from './state.ts';

const SIGKILL = 9;

export interface StartRoles {
  readonly launch: LaunchRoles;
  readonly mounts: MountRoles;
  readonly snapshots: Pick<SnapshotStore, 'mount' | 'unmount' | 'rebuildLayers'>;
  readonly store: Pick<ContainerStore, 'durable'>;
  readonly cgroups: ContainerCgroups;
  readonly exit: ExitRoles;
  readonly relink: RelinkRoles;
  /** The kernel's name for the time since the machine was started. */
  readonly bootId: string;
}

/**
 * Starts a container that does not run; resolves when its program has been executed.
 *
 * @throws {EngineError} `not-modified` if it runs already, `conflict` if it is paused or being removed, `invalid` if
 * the runtime refuses what it is to run
 */
export async function startContainer(roles: StartRoles, container: Container): Promise<void> {
  using _lock = await container.lock();
  await startLocked(roles, container);
}

/** The same for a caller that holds the container's lock. */
export async function startLocked(roles: StartRoles, container: Container): Promise<void> {
  checkStartable(container);
  const startedAt = now();
  const durable = promiseStart(roles, container, startedAt);
  try {
    await runOnWholeLayers(roles, container, startedAt);
  } catch (error) {
    await failStart(roles, container, error);
    throw error;
  }
  await durable;
}

function checkStartable({ id, state }: Container): void {
  switch (state.status) {
    case 'running':
      throw containerError('start-of-running', { subject: id });
    case 'paused':
      throw containerError('start-of-paused', { subject: id });
    case 'removing':
    case 'dead':
      if (state.status === 'dead' && state.problem) throw receiveError(state.problem);
      throw containerError('start-of-removed', { subject: id });
    case 'created':
    case 'exited':
    case 'restarting':
      return;
  }
  unreachable(state);
}

/** Without `--rm`, the start survives power loss; the sync runs beside it. */
function promiseStart(
  { store, bootId }: StartRoles,
  container: Container,
  startedAt: string,
): Promise<void> | undefined {
  if (container.spec.removedOnExit) return undefined;
  container.markStarting({ at: startedAt, bootId });
  const durable = store.durable();
  durable.catch(() => {});
  return durable;
}

/** What the kernel says, by itself or through the runtime, of files that it cannot read (EIO, EUCLEAN). */
const UNREADABLE = /(?:input\/output|i\/o) error|structure needs cleaning/i;

/** If layers turn out to be damaged, they are made again, and the start is tried once more. */
async function runOnWholeLayers(roles: StartRoles, container: Container, startedAt: string): Promise<void> {
  try {
    await run(roles, container, startedAt);
  } catch (error) {
    const isDamage = hasReason(error, 'layer-damaged') || UNREADABLE.test(messageOf(error));
    if (!isDamage || !(await roles.snapshots.rebuildLayers(container.id))) throw error;
    await run(roles, container, startedAt);
  }
}

async function run(roles: StartRoles, container: Container, startedAt: string): Promise<void> {
  const { snapshots, mounts, bootId } = roles;
  shareHostname(roles.launch.network.lookup, container);
  await using undo = new AsyncDisposableStack();
  const writer = undo.use(container.log.openWriter());
  undo.defer(() => unmountRoot({ snapshots }, container));
  const workload = containerWorkload({ ...mounts, snapshots }, container);
  const { process, sandbox } = await launch(roles.launch, workload, undo);
  undo.defer(() => abandon(process));
  const active = new ActiveRun(process, container.streams);
  const record = recordOf(container, process, { startedAt, bootId });
  const started: Run = { ...record, ...(sandbox && { sandbox }), active };
  container.apply({ type: 'started', run: started });
  undo.move();
  active.open({ writer, directory: roles.launch.paths.bundle(container.id) });
  container.emit('start');
  watchMemory(roles.cgroups, container);
  endWithFirstProcess(roles.cgroups, container, started);
  watchForExit(roles.exit, container, active);
  await relinkOthers(roles.relink, container);
}

/** A container that joins another's network has its host name, from its first start on. */
function shareHostname(lookup: JoinableContainers, container: Container): void {
  const { spec } = container;
  const shared = sharedNetwork(lookup, spec.network.mode);
  if (!shared || spec.namespaces.uts === 'host') return;
  const { hostname = '', domainname = '' } = shared.owner.spec;
  if (spec.hostname === hostname && (spec.domainname ?? '') === domainname) return;
  container.redefine({ spec: { ...spec, hostname, domainname } });
}

/** Ends a process that could not be recorded. */
async function abandon(process: SupervisedProcess): Promise<void> {
  const { pid, startTime } = process.identity;
  signalIfAlive(pid, SIGKILL, startTime);
  for (const source of process.streams.sources.keys()) source.destroy();
  await process.exited;
  await process.release();
}

function recordOf(
  { state }: Container,
  { identity, monitor, holder }: SupervisedProcess,
  when: Pick<RunRecord, 'startedAt' | 'bootId'>,
): RunRecord {
  const before = stoppedState(state);
  return {
    process: identity,
    monitor,
    ...(holder && { holder }),
    ...when,
    previouslyFinishedAt: before?.status === 'exited' ? before.finishedAt : NEVER,
    outOfMemory: false,
  };
}

/** Records why the start failed, and ends the streams of attached clients. */
async function failStart({ exit }: StartRoles, container: Container, error: unknown): Promise<void> {
  const failure = transferError(asEngineError(error));
  container.apply({ type: 'start-failed', exitCode: startExitCode(error, 'container'), failure });
  container.endNextStreams();
  if (container.spec.removedOnExit) await removeStopped(exit.removal, container, { volumes: true });
}

function asEngineError(error: unknown): EngineError {
  return error instanceof EngineError ? error : new EngineError('internal', messageOf(error));
}
