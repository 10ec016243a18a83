import type { Volumes } from '#volume/volume.ts';
import type { MountView } from '../views.ts';
import type { MountPlan, PlannedMount } from '../mounts/mount-plan.ts';

/** The mounts of a container that views show. */
export function viewMounts(plan: MountPlan, volumes: Pick<Volumes, 'get'>): readonly MountView[] {
  return plan.mounts.flatMap((mount) => (isShown(mount) ? [viewMount(mount, volumes)] : []));
}

function isShown(mount: PlannedMount): boolean {
  return mount.type !== 'tmpfs' || mount.shown;
}

function viewMount(mount: PlannedMount, volumes: Pick<Volumes, 'get'>): MountView {
  const common = { target: mount.destination, readOnly: mount.readonly };
  if (mount.type === 'tmpfs') return { type: 'tmpfs', ...common };
  if (mount.type === 'bind') {
    const { source, mode: writtenOptions, propagation } = mount;
    return { type: 'bind', source, writtenOptions, propagation, ...common };
  }
  const source = volumes.get(mount.name)?.path ?? '';
  const { name, driver, mode: writtenOptions } = mount;
  return { type: 'volume', name, source, driver, writtenOptions, ...common };
}
