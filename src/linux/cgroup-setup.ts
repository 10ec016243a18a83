import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { messageOf } from '#base/errors.ts';
import { type CgroupLayout, readCgroupLayout, unifiedControllers } from './cgroup-layout.ts';
import { isErrno } from './errno.ts';
import { MountFlag, mountFilesystem } from './mount.ts';

/** What containers can be run with on this machine. */
export interface CgroupSetup {
  readonly layout: CgroupLayout;
  /** runc only where crun cannot run. */
  readonly runtime: 'crun' | 'runc';
  /** Warnings for the operator. */
  readonly warnings: readonly string[];
}

/**
 * Makes the machine's cgroups fit for crun, which refuses a hybrid layout with controllers left in version 2's tree:
 * each of those gets a version 1 hierarchy, as Debian's cgroupfs-mount makes them. Several engines may do it at once,
 * and again. Needs CAP_SYS_ADMIN in the initial namespaces; where it fails, runc is chosen and a warning says why.
 */
export function prepareCgroups(): CgroupSetup {
  const layout = readCgroupLayout();
  if (layout.mode !== 'hybrid') return { layout, runtime: 'crun', warnings: warningsOf(layout) };
  const warnings = unifiedControllers(layout).flatMap(
    (controller) => mountHierarchy(layout, controller) ?? [],
  );
  const prepared = readCgroupLayout();
  const left = unifiedControllers(prepared);
  if (left.length === 0) return { layout: prepared, runtime: 'crun', warnings };
  const consequence = `cgroup v2 keeps ${left.join(', ')} beside cgroup v1: containers run with runc, which is slower`;
  return { layout: prepared, runtime: 'runc', warnings: [...warnings, consequence] };
}

function warningsOf(layout: CgroupLayout): readonly string[] {
  const missing = layout.mode === 'v1' && layout.v1Controllers.size === 0;
  return missing ? ['no cgroups are mounted: containers cannot be limited'] : [];
}

/** Mounts one controller's hierarchy beside the others; returns a warning if that did not work. */
export function mountHierarchy(layout: CgroupLayout, controller: string): string | undefined {
  const sibling = layout.v1Controllers.values().next().value;
  const target = join(sibling === undefined ? '/sys/fs/cgroup' : dirname(sibling), controller);
  try {
    mkdirSync(target, { recursive: true });
    const flags = MountFlag.noSuid | MountFlag.noDev | MountFlag.noExec;
    mountFilesystem('cgroup', target, { flags, data: controller });
    return undefined;
  } catch (error) {
    // Another engine was first: the kernel does not mount a hierarchy twice at one place.
    if (isErrno(error, 'EBUSY') && readCgroupLayout().v1Controllers.has(controller)) return undefined;
    return messageOf(error);
  }
}
