import type { EngineError } from '#base/errors.ts';
import { containerError } from './container-errors.ts';
import { type ExitRoles, endRun } from './run/exit.ts';
import type { Container } from './run/container.ts';
import { type SignalRoles, deliverLocked, signalRun } from './run/signal.ts';
import { removeStopped } from './remove.ts';

const SIGKILL = 9;

export interface RemoveRequest {
  /** As the client named it. */
  readonly reference: string;
  readonly force: boolean;
  readonly volumes: boolean;
  readonly link: boolean;
}

export interface RemoveRoles {
  readonly signal: SignalRoles;
  readonly exit: ExitRoles;
}

/**
 * What `rm` asks for; resolves when the container is gone.
 *
 * @throws {EngineError} `conflict` if it runs and is not to be killed, or is being removed by another
 */
export async function removeContainer(
  roles: RemoveRoles,
  container: Container,
  request: RemoveRequest,
): Promise<void> {
  if (container.state.status === 'removing') {
    throw containerError('remove-of-removed', { subject: request.reference });
  }
  if (container.run) {
    if (!request.force) throw stillRunning(container);
    // Without the lock, since what holds it may be waiting for that end.
    await signalRun(roles.signal, container, container.run);
  }
  using _lock = await container.lock();
  if (!roles.exit.removal.lookup.byId(container.id)) return;
  await endPresentRun(roles, container, request);
  await removeStopped(roles.exit.removal, container, request);
}

/** A restart may have begun a new one. */
async function endPresentRun(
  { signal, exit }: RemoveRoles,
  container: Container,
  { force }: RemoveRequest,
): Promise<void> {
  const { run } = container;
  if (!run) return;
  if (!force) throw stillRunning(container);
  deliverLocked(signal.cgroups, container, SIGKILL);
  await endRun(exit, container, container.run ?? run, 'stopped');
}

function stillRunning({ name, state }: Container): EngineError {
  return containerError('remove-of-running', { subject: name, details: { status: state.status } });
}
