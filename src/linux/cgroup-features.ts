import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { type CgroupLayout, unifiedControllers } from './cgroup-layout.ts';
import { readIfThere } from './read-if-there.ts';

type CgroupController = 'memory' | 'cpu' | 'cpuset' | 'pids' | 'blkio';

/** What the control groups of a machine can limit. Looked up when it is asked for. */
export interface CgroupFeatures {
  has(controller: CgroupController): boolean;
  readonly swappiness: boolean;
  /** `memory.oom_control` */
  readonly oomKillerSwitch: boolean;
  /** Shares of block devices' time. */
  readonly blockIoWeight: boolean;
  readonly realtime: boolean;
  /** Processors and NUMA nodes, as `0-3,5`; undefined where the kernel does not say. */
  readonly available: { readonly cpus: string | undefined; readonly mems: string | undefined };
}

const NAMES_IN_VERSION_2: Readonly<Record<CgroupController, string>> = {
  memory: 'memory',
  cpu: 'cpu',
  cpuset: 'cpuset',
  pids: 'pids',
  blkio: 'io',
};

export function cgroupFeatures(layout: CgroupLayout): CgroupFeatures {
  const isUnified = layout.mode === 'v2';
  const has = (controller: CgroupController): boolean =>
    isUnified
      ? unifiedControllers(layout).includes(NAMES_IN_VERSION_2[controller])
      : layout.v1Controllers.has(controller);
  const read = (controller: CgroupController, file: string): string | undefined => {
    const root = isUnified ? layout.unifiedPath : layout.v1Controllers.get(controller);
    return root === undefined ? undefined : readIfThere(join(root, file))?.trim();
  };
  return {
    has,
    get swappiness() {
      return !isUnified && has('memory');
    },
    get oomKillerSwitch() {
      return !isUnified && has('memory');
    },
    get blockIoWeight() {
      if (isUnified) return has('blkio');
      return read('blkio', 'blkio.weight') !== undefined || (has('blkio') && hasFairScheduler());
    },
    get realtime() {
      return !isUnified && read('cpu', 'cpu.rt_period_us') !== undefined;
    },
    get available() {
      const suffix = isUnified ? '.effective' : '';
      return { cpus: read('cpuset', `cpuset.cpus${suffix}`), mems: read('cpuset', `cpuset.mems${suffix}`) };
    },
  };
}

/** In version 1 only the scheduler BFQ knows weights: without a device that uses it, they mean nothing. */
function hasFairScheduler(): boolean {
  return readdirSync('/sys/block').some((name) =>
    readIfThere(join('/sys/block', name, 'queue/scheduler'))?.includes('[bfq]'),
  );
}
