import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { listMounts, type MountInfo } from './mountinfo.ts';

/**
 * How this machine mounts cgroups (cgroups(7)): `v2` has one tree, `v1` one for each controller, `hybrid` has v1's
 * and, beside them, v2's tree for what has none.
 */
export interface CgroupLayout {
  readonly mode: 'v1' | 'hybrid' | 'v2';
  /** Controller (`memory`, `name=systemd`) to mount point. */
  readonly v1Controllers: ReadonlyMap<string, string>;
  /** Where version 2 is mounted. */
  readonly unifiedPath?: string;
}

/** The layout of this process's mount namespace. */
export function readCgroupLayout(): CgroupLayout {
  return cgroupLayoutOf(listMounts(), knownControllers());
}

/** The names of the controllers that the kernel has (/proc/cgroups), those that only version 2 uses included. */
function knownControllers(): ReadonlySet<string> {
  const lines = readFileSync('/proc/cgroups', 'utf8').split('\n');
  return new Set(
    lines.filter((line) => line !== '' && !line.startsWith('#')).map((line) => line.split('\t')[0] ?? ''),
  );
}

/** The first mount of a controller counts; the file system's options say which ones it carries. */
export function cgroupLayoutOf(mounts: readonly MountInfo[], known: ReadonlySet<string>): CgroupLayout {
  const v1Controllers = new Map<string, string>();
  for (const mount of mounts.filter(({ fsType }) => fsType === 'cgroup')) {
    for (const option of mount.superOptions.split(',')) {
      const isController = known.has(option) || option.startsWith('name=');
      if (isController && !v1Controllers.has(option)) v1Controllers.set(option, mount.target);
    }
  }
  const unifiedPath = mounts.find(({ fsType }) => fsType === 'cgroup2')?.target;
  const hasV1 = [...v1Controllers.keys()].some((name) => !name.startsWith('name='));
  if (unifiedPath === undefined) return { mode: 'v1', v1Controllers };
  return { mode: hasV1 ? 'hybrid' : 'v2', v1Controllers, unifiedPath };
}

/** The controllers that version 2's tree has to give. */
export function unifiedControllers(layout: CgroupLayout): readonly string[] {
  if (layout.unifiedPath === undefined) return [];
  const text = readFileSync(join(layout.unifiedPath, 'cgroup.controllers'), 'utf8').trim();
  return text === '' ? [] : text.split(' ');
}
