import { isEngineError } from '#base/errors.ts';
import { ContainerCgroup } from '#linux/cgroups.ts';
import type { ContainerContext } from '../context.ts';
import type { ManagedContainer } from './managed-container.ts';
import { cgroupPathOf } from '../process/runtime-command.ts';

/** Reports it when a container that has a limit runs out of memory; what is missed, its monitor tells in the end. */
export function watchMemory(context: ContainerContext, container: ManagedContainer): void {
  if (container.spec.limits.memoryBytes === undefined) return;
  try {
    const cgroup = new ContainerCgroup(context.cgroupLayout, cgroupPathOf(context, container));
    container.memoryWatch = cgroup.watchOom(() => noteOutOfMemory(container));
  } catch (error) {
    if (!isEngineError(error, 'not-found')) throw error;
  }
}

/** Once a run. */
export function noteOutOfMemory(container: ManagedContainer): void {
  if (!container.run || container.run.outOfMemory) return;
  container.settle({ type: 'out-of-memory' });
  container.emit('oom');
}
