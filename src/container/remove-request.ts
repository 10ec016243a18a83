import { EngineError } from '#base/errors.ts';
import type { ContainerContext } from './context.ts';
import type { ManagedContainer } from './run/managed-container.ts';
import { removeStopped } from './remove.ts';
import { killContainer } from './run/signal.ts';

export interface RemoveRequest {
  /** As the client named it. */
  readonly reference: string;
  readonly force: boolean;
  readonly volumes: boolean;
  readonly link: boolean;
}

/**
 * What `rm` asks for; resolves when the container is gone.
 *
 * @throws {EngineError} `conflict` if it runs and is not to be killed, or is being removed by another
 */
export async function forceRemove(
  context: ContainerContext,
  container: ManagedContainer,
  request: RemoveRequest,
): Promise<void> {
  if (request.link) {
    throw new EngineError('invalid', 'Conflict, cannot remove the default link name of the container');
  }
  if (container.state.status === 'removing') {
    const message = `removal of container ${request.reference} is already in progress`;
    throw new EngineError('conflict', message);
  }
  if (container.run) {
    if (!request.force) throw stillRunning(container);
    await killContainer(context, container);
  }
  using _lock = await context.locks.acquire(container.id);
  if (!context.lookup.byId(container.id)) return;
  if (container.run) throw stillRunning(container);
  await removeStopped(context, container, request);
}

function stillRunning({ name, state }: ManagedContainer): EngineError {
  const reason =
    state.status === 'paused'
      ? 'container is paused and must be unpaused first'
      : `container is ${state.status}: stop the container before removing or force remove`;
  return new EngineError('conflict', `cannot remove container "/${name}": ${reason}`);
}
