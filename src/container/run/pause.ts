import { EngineError } from '#base/errors.ts';
import { ContainerCgroup } from '#linux/cgroups.ts';
import type { ContainerContext } from '../context.ts';
import type { ManagedContainer } from './managed-container.ts';
import { cgroupPathOf } from '../process/runtime-command.ts';
import { notRunning } from './signal.ts';

/** @throws {EngineError} `conflict` if it does not run or is paused already */
export async function pauseContainer(context: ContainerContext, container: ManagedContainer): Promise<void> {
  using _lock = await context.locks.acquire(container.id);
  if (!container.run) throw notRunning(container);
  if (container.state.status === 'paused') {
    throw new EngineError('conflict', `container ${container.id} is already paused`);
  }
  await cgroupOf(context, container).freeze();
  container.apply({ type: 'paused' });
  container.emit('pause');
}

/** @throws {EngineError} `conflict` if it is not paused */
export async function unpauseContainer(
  context: ContainerContext,
  container: ManagedContainer,
): Promise<void> {
  using _lock = await context.locks.acquire(container.id);
  if (container.state.status !== 'paused') {
    throw new EngineError('conflict', `Container ${container.id} is not paused`);
  }
  cgroupOf(context, container).thaw();
  container.apply({ type: 'unpaused' });
  container.emit('unpause');
}

function cgroupOf(context: ContainerContext, container: ManagedContainer): ContainerCgroup {
  return new ContainerCgroup(context.cgroupLayout, cgroupPathOf(context, container));
}
