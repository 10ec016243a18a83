import { existsSync, readdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { unlessErrno } from '#base/errno.ts';
import type { CgroupLayout } from './cgroup-layout.ts';

/** Removes a cgroup in every hierarchy where it is empty; where it has processes or cgroups below it, it stays. */
export function removeEmptyCgroup(layout: CgroupLayout, cgroupPath: string): void {
  for (const root of rootsOf(layout)) removeEmpty(join(root, cgroupPath));
}

function rootsOf({ v1Controllers, unifiedPath }: CgroupLayout): ReadonlySet<string> {
  return new Set([...v1Controllers.values(), ...(unifiedPath === undefined ? [] : [unifiedPath])]);
}

function removeEmpty(path: string): void {
  unlessErrno(() => rmdirSync(path), 'ENOENT', 'EBUSY', 'ENOTEMPTY');
}

/** A cgroup and all below it, the innermost first, in every hierarchy. */
export function cgroupTree(layout: CgroupLayout, cgroupPath: string): readonly string[] {
  return [...rootsOf(layout)].flatMap((root) => treeOf(join(root, cgroupPath)));
}

function treeOf(path: string): readonly string[] {
  if (!existsSync(path)) return [];
  const inner = readdirSync(path, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return [...inner.flatMap(({ name }) => treeOf(join(path, name))), path];
}

/** Removes cgroups of {@link cgroupTree} that have no processes. */
export function removeCgroupTree(tree: readonly string[]): void {
  for (const path of tree) removeEmpty(path);
}
