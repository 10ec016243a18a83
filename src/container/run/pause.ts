import { containerError } from '../container-errors.ts';
import type { Container } from './container.ts';
import type { ContainerCgroups } from '../process/container-cgroups.ts';

/** @throws {EngineError} `conflict` if it does not run or is paused already */
export async function pauseContainer(cgroups: ContainerCgroups, container: Container): Promise<void> {
  using _lock = await container.lock();
  if (!container.run) throw containerError('container-not-running', { subject: container.id });
  if (container.state.status === 'paused') {
    throw containerError('pause-of-paused', { subject: container.id });
  }
  await cgroups.cgroupOf(container).freeze();
  container.apply({ type: 'paused' });
  container.emit('pause');
}

/** @throws {EngineError} `conflict` if it is not paused */
export async function unpauseContainer(cgroups: ContainerCgroups, container: Container): Promise<void> {
  using _lock = await container.lock();
  if (container.state.status !== 'paused') {
    throw containerError('unpause-of-unpaused', { subject: container.id });
  }
  cgroups.cgroupOf(container).thaw();
  container.apply({ type: 'unpaused' });
  container.emit('unpause');
}
