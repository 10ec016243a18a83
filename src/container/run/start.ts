import { rmSync } from 'node:fs';
import { unreachable } from '#base/unreachable.ts';
import { EngineError, messageOf } from '#base/errors.ts';
import { signalIfAlive } from '#linux/process.ts';
import { writeBundle } from './bundle.ts';
import { NEVER, now } from '#base/clock.ts';
import type { ContainerContext } from '../context.ts';
import { watchForExit } from './exit.ts';
import { InputGate } from '../streams/input-gate.ts';
import type { ManagedContainer } from './managed-container.ts';
import { watchMemory } from './memory.ts';
import type { InputMode } from '../process/process-pipes.ts';
import { removeStopped } from '../remove.ts';
import { memoryWatchOf, runCommand, terminalOf } from '../process/runtime-command.ts';
import { runtimeError, startFailure } from '../process/runtime-failure.ts';
import { withRuntimeFor } from '../process/runtimes.ts';
import { type ContainerNetwork, connectNetwork } from './sandbox.ts';
import type { Run } from './state.ts';
import type { SupervisedProcess } from '../process/supervised-process.ts';
import { freshDirectory } from '../process/supervisor.ts';

const SIGKILL = 9;

/**
 * Starts a container that does not run; resolves when its process does.
 *
 * @throws {EngineError} `not-modified` if it runs already, `conflict` if it is paused or being removed, `invalid` if
 * the runtime refuses what it is to run
 */
export async function startContainer(context: ContainerContext, container: ManagedContainer): Promise<void> {
  using _lock = await context.locks.acquire(container.id);
  checkStartable(container);
  const startedAt = now();
  const durable = promiseStart(context, container, startedAt);
  using _permit = await context.starts.acquire();
  try {
    await run(context, container, startedAt);
  } catch (error) {
    await failStart(context, container, error);
    throw error;
  }
  await durable;
}

function checkStartable({ state }: ManagedContainer): void {
  switch (state.status) {
    case 'running':
      throw new EngineError('not-modified', 'container is already running');
    case 'paused':
      throw new EngineError('conflict', 'cannot start a paused container, try unpause instead');
    case 'removing':
    case 'dead':
      throw new EngineError('conflict', 'container is marked for removal and cannot be started');
    case 'created':
    case 'exited':
      return;
  }
  unreachable(state);
}

/** Without `--rm`, that it was started survives power loss; the sync runs beside the start. */
function promiseStart(
  { store, bootId }: ContainerContext,
  container: ManagedContainer,
  startedAt: string,
): Promise<void> | undefined {
  if (container.spec.removedOnExit) return undefined;
  container.markStarting({ at: startedAt, bootId });
  const durable = store.durable();
  durable.catch(() => {});
  return durable;
}

async function run(context: ContainerContext, container: ManagedContainer, startedAt: string): Promise<void> {
  await using undo = new AsyncDisposableStack();
  const writer = undo.use(container.log.openWriter());
  const { process, network } = await launch(context, container, undo);
  undo.defer(() => abandon(process));
  const { sandbox } = network;
  container.apply(
    { type: 'started', run: runOf(context, container, process, startedAt) },
    sandbox && { sandbox },
  );
  undo.move();
  container.process = process;
  container.hub.open(process.streams.sources, writer);
  container.input.open(process.streams.input);
  container.emit('start');
  watchMemory(context, container);
  watchForExit(context, container, process);
}

/** Ends a process that could not be recorded. */
async function abandon(process: SupervisedProcess): Promise<void> {
  const { pid, startTime } = process.identity;
  signalIfAlive(pid, SIGKILL, startTime);
  for (const source of process.streams.sources.keys()) source.destroy();
  await process.exited;
  await process.release();
}

function runOf(
  { bootId }: ContainerContext,
  { state }: ManagedContainer,
  { identity, monitor, holder }: SupervisedProcess,
  startedAt: string,
): Run {
  return {
    process: identity,
    monitor,
    ...(holder && { holder }),
    startedAt,
    previouslyFinishedAt: state.status === 'exited' ? state.finishedAt : NEVER,
    outOfMemory: false,
    bootId,
  };
}

async function launch(
  context: ContainerContext,
  container: ManagedContainer,
  undo: AsyncDisposableStack,
): Promise<{ readonly process: SupervisedProcess; readonly network: ContainerNetwork }> {
  const { id } = container;
  const bundle = freshDirectory(context.paths.bundle(id));
  undo.defer(() => rmSync(bundle, { recursive: true, force: true }));
  const connecting = connectNetwork(context, container);
  undo.defer(async () => {
    const { sandbox } = await connecting.catch(() => ({ sandbox: undefined }));
    if (sandbox) context.networks.release(sandbox);
  });
  const rootPath = context.snapshots.mount(id);
  undo.defer(() => context.snapshots.unmount(id));
  const network = await connecting;
  await writeBundle(context, container, { rootPath, network, bundle }, undo);
  const own = withRuntimeFor(context, container);
  const memory = memoryWatchOf(own, container);
  const terminal = terminalOf(own, container.spec.process);
  const outcome = await context.supervisor.start({
    id,
    directory: bundle,
    command: (files) => runCommand(own, id, files, memory !== undefined),
    input: inputModeOf(container),
    recorded: true,
    ...(terminal && { terminal }),
    ...(memory && { memory }),
  });
  if (outcome.started) return { process: outcome.process, network };
  throw runtimeError(startFailure(outcome.reason));
}

/** Also of a container that a former daemon started. */
export function inputModeOf({ spec: { process } }: ManagedContainer): InputMode {
  return process.stdin === 'closed' || process.terminal ? 'none' : process.stdin;
}

/** Remembers why, and lets those go who waited for output. */
async function failStart(
  context: ContainerContext,
  container: ManagedContainer,
  error: unknown,
): Promise<void> {
  const message = messageOf(error);
  container.apply({ type: 'start-failed', exitCode: exitCodeOf(message), error: message });
  container.input.close();
  container.input = new InputGate();
  container.hub.endListeners();
  if (container.spec.removedOnExit) await removeStopped(context, container, { volumes: true });
}

function exitCodeOf(message: string): number {
  if (/permission denied/i.test(message)) return 126;
  return /executable file not found|no such file or directory/i.test(message) ? 127 : 128;
}
