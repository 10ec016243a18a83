import { parseSignal, signalNumber } from '#base/signals.ts';
import { signalIfAlive } from '#linux/process.ts';
import { containerError } from '../container-errors.ts';
import type { ContainerCgroups } from '../process/container-cgroups.ts';
import type { Container } from './container.ts';
import { unpauseLocked } from './pause.ts';
import type { ActiveRun, Run } from './run.ts';

const SIGKILL = 9;
const SIGTERM = 15;
/** A process that SIGKILL does not end hangs in the kernel; on a busy machine its end takes a while to be known. */
const KILL_TIMEOUT_MS = 30_000;
const MAXIMUM_TIMER_MS = 2 ** 31 - 1;

export interface SignalRoles {
  readonly cgroups: ContainerCgroups;
  /** The time between stop signal and SIGKILL of containers that have none of their own. */
  readonly stopTimeoutSeconds: number;
}

export interface StopOptions {
  readonly signal?: string;
  /** -1 waits for ever. */
  readonly timeoutSeconds?: number;
}

/**
 * Sends any signal to a container's first process; after SIGKILL resolves when its run has ended.
 *
 * @throws {EngineError} `conflict` if it does not run
 */
export async function killContainer(
  roles: SignalRoles,
  container: Container,
  signal: number = SIGKILL,
): Promise<void> {
  await restarted(container);
  const { run } = container;
  if (!run) throw containerError('container-not-running', { subject: container.id });
  await signalRun(roles, container, run, signal);
}

/** The same for a run that may be over. */
export async function signalRun(
  roles: SignalRoles,
  container: Container,
  { active }: Run,
  signal: number = SIGKILL,
): Promise<void> {
  await deliver(roles, container, signal);
  if (signal === SIGKILL) await active.untilEnded(KILL_TIMEOUT_MS);
}

/**
 * Stops a container: its stop signal, and when its time is up SIGKILL. Resolves when it does not run any more.
 *
 * @throws {EngineError} `not-modified` if it does not run, `unavailable` if not even SIGKILL ends it
 */
export async function stopContainer(
  roles: SignalRoles,
  container: Container,
  options: StopOptions,
): Promise<void> {
  await restarted(container);
  const { run } = container;
  if (!run) throw containerError('stop-of-stopped', { subject: container.id });
  const { active } = run;
  await stop(container, options, {
    ...roles,
    deliver: (signal) => deliver(roles, container, signal),
    untilStopped: (timeoutMs) => active.untilEnded(timeoutMs),
  });
  container.emit('stop');
}

/**
 * The same for a caller that holds the container's lock: its process has ended then, its run has not.
 *
 * @throws {EngineError} `unavailable` if not even SIGKILL ends it
 */
export async function stopLocked(
  roles: SignalRoles,
  container: Container,
  active: ActiveRun,
  options: StopOptions,
): Promise<void> {
  await stop(container, options, {
    ...roles,
    deliver: async (signal) => deliverLocked(roles.cgroups, container, signal),
    untilStopped: (timeoutMs) => active.untilExited(timeoutMs),
  });
}

interface StopRoles extends Pick<SignalRoles, 'stopTimeoutSeconds'> {
  readonly deliver: (signal: number) => Promise<void>;
  /** False if it still runs when the time is up; without a time it waits for ever. */
  readonly untilStopped: (timeoutMs: number | undefined) => Promise<boolean>;
}

async function stop(
  container: Container,
  options: StopOptions,
  { stopTimeoutSeconds, deliver: send, untilStopped }: StopRoles,
): Promise<void> {
  const { signal, timeoutSeconds } = container.spec.stop;
  const number = options.signal ? signalNumber(options.signal) : stopSignalOf(signal);
  const seconds = options.timeoutSeconds ?? timeoutSeconds ?? stopTimeoutSeconds;
  await send(number);
  if (!(await untilStopped(timeoutOf(seconds)))) {
    await send(SIGKILL);
    if (!(await untilStopped(KILL_TIMEOUT_MS)))
      throw containerError('stop-without-end', { subject: container.name });
  }
}

/** Timers count to 2^31 - 1 ms, which is 24 days: whoever asks for more waits for ever. */
function timeoutOf(seconds: number): number | undefined {
  const timeoutMs = seconds * 1000;
  return timeoutMs < 0 || timeoutMs > MAXIMUM_TIMER_MS ? undefined : timeoutMs;
}

/** Between the two runs of a restart there is nothing to signal: waits until it has a run again, or has failed. */
async function restarted(container: Container): Promise<void> {
  if (container.state.status !== 'restarting') return;
  using _lock = await container.lock();
}

/** Sends a signal, and lets a paused container run if the signal is to end it. */
async function deliver({ cgroups }: SignalRoles, container: Container, signal: number): Promise<void> {
  send(container, signal);
  if (container.state.status === 'paused' && ends(container, signal)) {
    using _lock = await container.lock();
    unpauseLocked(cgroups, container);
  }
  container.emit('kill', { signal: String(signal) });
}

/** The same for a caller that holds the container's lock. */
export function deliverLocked(cgroups: ContainerCgroups, container: Container, signal: number): void {
  send(container, signal);
  if (ends(container, signal)) unpauseLocked(cgroups, container);
  container.emit('kill', { signal: String(signal) });
}

function send({ run }: Container, signal: number): void {
  if (run) signalIfAlive(run.process.pid, signal, run.process.startTime);
}

function ends({ spec }: Container, signal: number): boolean {
  return signal === SIGKILL || signal === stopSignalOf(spec.stop.signal);
}

/** An image may name one that does not exist: then it is the usual one, as in Docker. */
function stopSignalOf(signal: string | undefined): number {
  return parseSignal(signal ?? '') ?? SIGTERM;
}
