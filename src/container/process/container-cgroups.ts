import { join } from 'node:path';
import type { CgroupLayout } from '#linux/cgroup-layout.ts';
import { ContainerCgroup } from '#linux/container-cgroup.ts';
import type { ContainerSpec } from '../container-spec.ts';
import type { MemoryWatch } from './monitor.ts';
import type { Runtime } from './runtimes.ts';

/** A container or step that has a cgroup of its own. */
export interface CgroupOwner {
  readonly id: string;
  readonly spec: Pick<ContainerSpec, 'limits'>;
}

export class ContainerCgroups {
  readonly layout: CgroupLayout;
  readonly #defaultParent: string;

  /** @param defaultParent absolute, below the root of every hierarchy */
  constructor(layout: CgroupLayout, defaultParent: string) {
    this.layout = layout;
    this.#defaultParent = defaultParent;
  }

  /** Below the root of every hierarchy. */
  pathOf({ id, spec }: CgroupOwner): string {
    return join('/', spec.limits.cgroupParent ?? this.#defaultParent, id);
  }

  cgroupOf(owner: CgroupOwner): ContainerCgroup {
    return new ContainerCgroup(this.layout, this.pathOf(owner));
  }

  /** Where the kernel counts kills for want of memory. Undefined without a limit of its own. */
  memoryWatchOf(owner: CgroupOwner, runtime: Runtime, runtimeRoot: string): MemoryWatch | undefined {
    if (owner.spec.limits.memoryBytes === undefined) return undefined;
    const isUnified = this.layout.mode === 'v2';
    const root = isUnified ? this.layout.unifiedPath : this.layout.v1Controllers.get('memory');
    if (root === undefined) return undefined;
    const file = isUnified ? 'memory.events' : 'memory.oom_control';
    return {
      file: join(root, this.pathOf(owner), file),
      runtime: runtime.path,
      runtimeRoot,
      containerId: owner.id,
    };
  }
}
