import { rmdirSync } from 'node:fs';
import { join } from 'node:path';
import type { CgroupLayout } from './cgroup-layout.ts';
import { isErrno } from './errno.ts';

/** Removes a cgroup in every hierarchy where it is empty; where it has processes or cgroups below it, it stays. */
export function removeEmptyCgroup(layout: CgroupLayout, cgroupPath: string): void {
  const roots = new Set(layout.v1Controllers.values());
  if (layout.unifiedPath !== undefined) roots.add(layout.unifiedPath);
  for (const root of roots) {
    try {
      rmdirSync(join(root, cgroupPath));
    } catch (error) {
      if (!isErrno(error, 'ENOENT', 'EBUSY', 'ENOTEMPTY')) throw error;
    }
  }
}
