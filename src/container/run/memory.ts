import { isEngineError } from '#base/errors.ts';
import type { Container } from './container.ts';
import type { ContainerCgroups } from '../process/container-cgroups.ts';

/** Reports that a container with a limit runs out of memory. What it does not see, the monitor reports at the end. */
export function watchMemory(cgroups: ContainerCgroups, container: Container): void {
  if (container.spec.limits.memoryBytes === undefined) return;
  try {
    const cgroup = cgroups.cgroupOf(container);
    container.run?.active.hold(cgroup.watchOom(() => noteOutOfMemory(container)));
  } catch (error) {
    if (!isEngineError(error, 'not-found')) throw error;
  }
}

/** Reports it once in a run. */
export function noteOutOfMemory(container: Container): void {
  if (!container.run || container.run.outOfMemory) return;
  container.settle({ type: 'out-of-memory' });
  container.emit('oom');
}
