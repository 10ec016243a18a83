import { existsSync, readdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = '/sys/fs/cgroup';

/** Removes a parent of containers' cgroups from every hierarchy: one that a user names is the user's, and stays. */
export function removeCgroupParent(name: string): void {
  for (const root of [ROOT, ...readdirSync(ROOT).map((entry) => join(ROOT, entry))]) {
    const path = join(root, name);
    if (existsSync(path)) rmdirSync(path);
  }
}
