import { isEngineError } from '#base/errors.ts';
import { containerError } from '../container-errors.ts';
import type { Container } from './container.ts';
import type { ContainerCgroups } from '../process/container-cgroups.ts';

/** @throws {EngineError} `conflict` if it does not run or is paused already */
export async function pauseContainer(cgroups: ContainerCgroups, container: Container): Promise<void> {
  using _lock = await container.lock();
  if (container.state.status === 'paused') {
    throw containerError('pause-of-paused', { subject: container.id });
  }
  if (!(await pauseLocked(cgroups, container))) {
    throw containerError('container-not-running', { subject: container.id });
  }
}

/** @throws {EngineError} `conflict` if it is not paused */
export async function unpauseContainer(cgroups: ContainerCgroups, container: Container): Promise<void> {
  using _lock = await container.lock();
  if (!unpauseLocked(cgroups, container)) {
    throw containerError('unpause-of-unpaused', { subject: container.id });
  }
}

/** Lets a container stand still until the result is disposed of, if it runs: it may end at any moment. */
export async function standStill(cgroups: ContainerCgroups, container: Container): Promise<AsyncDisposable> {
  await using undo = new AsyncDisposableStack();
  using _lock = await container.lock();
  if (await pauseLocked(cgroups, container)) {
    undo.defer(async () => {
      using _lock = await container.lock();
      unpauseLocked(cgroups, container);
    });
  }
  return undo.move();
}

/** False if it does not run, or its last process has ended. */
async function pauseLocked(cgroups: ContainerCgroups, container: Container): Promise<boolean> {
  if (container.state.status !== 'running') return false;
  try {
    await cgroups.cgroupOf(container).freeze();
  } catch (error) {
    if (isEngineError(error, 'not-found')) return false;
    throw error;
  }
  container.apply({ type: 'paused' });
  container.emit('pause');
  return true;
}

/** For a caller that holds the container's lock. False if it is not paused. */
export function unpauseLocked(cgroups: ContainerCgroups, container: Container): boolean {
  if (container.state.status !== 'paused') return false;
  cgroups.cgroupOf(container).thaw();
  container.apply({ type: 'unpaused' });
  container.emit('unpause');
  return true;
}
