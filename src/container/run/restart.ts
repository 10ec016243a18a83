import { type ExitRoles, endRun } from './exit.ts';
import type { Container } from './container.ts';
import { type SignalRoles, type StopOptions, stopLocked } from './signal.ts';
import { type StartRoles, startLocked } from './start.ts';

export interface RestartRoles {
  readonly signal: SignalRoles;
  readonly exit: ExitRoles;
  readonly start: StartRoles;
}

/**
 * Stops a container, if it runs, and starts it again. It holds the container's lock all the time, so that several at
 * once restart it one after the other, and nothing comes between the stop and the start.
 *
 * @throws {EngineError} `unavailable` if it does not end, `conflict` if it is being removed, and what a start throws
 */
export async function restartContainer(
  { signal, exit, start }: RestartRoles,
  container: Container,
  options: StopOptions,
): Promise<void> {
  using _lock = await container.lock();
  const { run } = container;
  if (run) {
    await stopLocked(signal, container, run.active, options);
    // It may have been marked as out of memory meanwhile: another state, the same run.
    await endRun(exit, container, container.run ?? run, 'restarting');
    container.emit('stop');
  }
  await startLocked(start, container);
  container.emit('restart');
}
