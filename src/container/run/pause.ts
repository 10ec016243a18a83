import { EngineError } from '#base/errors.ts';
import type { ManagedContainer } from './managed-container.ts';
import type { ContainerCgroups } from '../process/container-cgroups.ts';
import { notRunning } from './signal.ts';

/** @throws {EngineError} `conflict` if it does not run or is paused already */
export async function pauseContainer(cgroups: ContainerCgroups, container: ManagedContainer): Promise<void> {
  using _lock = await container.lock();
  if (!container.run) throw notRunning(container);
  if (container.state.status === 'paused') {
    throw new EngineError('conflict', `container ${container.id} is already paused`);
  }
  await cgroups.cgroupOf(container).freeze();
  container.apply({ type: 'paused' });
  container.emit('pause');
}

/** @throws {EngineError} `conflict` if it is not paused */
export async function unpauseContainer(
  cgroups: ContainerCgroups,
  container: ManagedContainer,
): Promise<void> {
  using _lock = await container.lock();
  if (container.state.status !== 'paused') {
    throw new EngineError('conflict', `Container ${container.id} is not paused`);
  }
  cgroups.cgroupOf(container).thaw();
  container.apply({ type: 'unpaused' });
  container.emit('unpause');
}
