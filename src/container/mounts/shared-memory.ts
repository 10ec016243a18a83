import { mkdirSync, rmSync } from 'node:fs';
import { isMountPoint, mountTmpfs, unmount } from '#linux/mount.ts';
import type { ContainerContext } from '../context.ts';
import { joinedContainer } from '../create/host-requirements.ts';
import type { ManagedContainer } from '../run/managed-container.ts';

type ShmContext = Pick<ContainerContext, 'paths' | 'lookup'>;

/** The directory for /dev/shm of a container that shares it, made ready; undefined for one of its own. */
export function prepareSharedMemory(context: ShmContext, container: ManagedContainer): string | undefined {
  const { IpcMode, ShmSize } = container.hostConfig;
  const joined = joinedContainer(IpcMode);
  if (joined !== undefined) return context.paths.shm(context.lookup.get(joined).id);
  if (IpcMode !== 'shareable') return undefined;
  const path = context.paths.shm(container.id);
  mkdirSync(path, { recursive: true });
  if (!isMountPoint(path)) mountTmpfs(path, { sizeBytes: ShmSize, mode: 0o1777 });
  return path;
}

export function releaseSharedMemory({ paths }: ShmContext, container: ManagedContainer): void {
  if (container.hostConfig.IpcMode !== 'shareable') return;
  const path = paths.shm(container.id);
  if (isMountPoint(path)) unmount(path, { lazy: true });
  rmSync(path, { recursive: true, force: true });
}
