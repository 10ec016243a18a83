import { EngineError } from '#base/errors.ts';
import { ContainerCgroup } from '#linux/cgroups.ts';
import { signalIfAlive } from '#linux/process.ts';
import { signalNumber } from '#base/signals.ts';
import type { ContainerContext } from '../context.ts';
import type { ManagedContainer } from './managed-container.ts';
import { cgroupPathOf } from '../process/runtime-command.ts';

const SIGKILL = 9;
const SIGTERM = 15;
/** A process that SIGKILL does not end hangs in the kernel; on a busy machine its end takes a while to be known. */
const KILL_TIMEOUT_MS = 30_000;

/** Docker's words for what only a running container can do. */
export function notRunning(container: ManagedContainer): EngineError {
  return new EngineError('conflict', `container ${container.id} is not running`);
}

/**
 * Sends any signal to a container's first process; after SIGKILL resolves when it has ended.
 *
 * @throws {EngineError} `conflict` if it does not run
 */
export async function killContainer(
  context: ContainerContext,
  container: ManagedContainer,
  signal: number = SIGKILL,
): Promise<void> {
  if (!container.run) throw notRunning(container);
  await deliver(context, container, signal);
  if (signal === SIGKILL) await untilStopped(container, KILL_TIMEOUT_MS);
}

/**
 * Stops a container: its stop signal, and when its time is up SIGKILL. Resolves when it does not run any more.
 *
 * @throws {EngineError} `unavailable` if not even SIGKILL ends it
 */
export async function stopContainer(
  context: ContainerContext,
  container: ManagedContainer,
  options: { readonly signal?: string; readonly timeoutSeconds?: number },
): Promise<void> {
  const signal = options.signal || container.spec.stop.signal;
  const number = signal ? signalNumber(signal) : SIGTERM;
  const seconds =
    options.timeoutSeconds ?? container.spec.stop.timeoutSeconds ?? context.defaults.stopTimeoutSeconds;
  await deliver(context, container, number);
  const hasStopped = await untilStopped(container, seconds < 0 ? undefined : seconds * 1000);
  if (!hasStopped) {
    await deliver(context, container, SIGKILL);
    if (!(await untilStopped(container, KILL_TIMEOUT_MS))) {
      throw new EngineError('unavailable', `cannot stop container: ${container.name}: it does not die`);
    }
  }
  container.emit('stop');
}

/** Sends a signal, and lets a paused container run if the signal is to end it. */
async function deliver(
  context: ContainerContext,
  container: ManagedContainer,
  signal: number,
): Promise<void> {
  const { run } = container;
  if (!run) return;
  const { pid, startTime } = run.process;
  signalIfAlive(pid, signal, startTime);
  if (signal === SIGKILL || isStopSignal(container, signal)) await resume(context, container);
  container.emit('kill', { signal: String(signal) });
}

function isStopSignal({ spec }: ManagedContainer, signal: number): boolean {
  return signal === (spec.stop.signal === undefined ? SIGTERM : signalNumber(spec.stop.signal));
}

async function resume(context: ContainerContext, container: ManagedContainer): Promise<void> {
  if (container.state.status !== 'paused') return;
  using _lock = await context.locks.acquire(container.id);
  if (container.state.status !== 'paused') return;
  new ContainerCgroup(context.cgroupLayout, cgroupPathOf(context, container)).thaw();
  container.apply({ type: 'unpaused' });
  container.emit('unpause');
}

/** False if it still runs when the time is up. */
async function untilStopped(container: ManagedContainer, timeoutMs: number | undefined): Promise<boolean> {
  if (!container.run) return true;
  const signal = timeoutMs === undefined ? undefined : AbortSignal.timeout(timeoutMs);
  try {
    await container.waiters.wait('not-running', signal);
    return true;
  } catch {
    return !container.run;
  }
}
