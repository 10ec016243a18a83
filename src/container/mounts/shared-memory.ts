import { mkdirSync, rmSync } from 'node:fs';
import { isMountPoint, MountFlag, mountTmpfs, unmount } from '#linux/mount.ts';
import type { ContainerPaths } from '../container-paths.ts';
import { DEFAULT_SHARED_MEMORY_BYTES } from '../spec/spec-mounts.ts';
import type { JoinableContainers } from '../run/join-namespaces.ts';
import type { Container } from '../run/container.ts';

interface SharedMemoryRoles {
  readonly paths: Pick<ContainerPaths, 'shm'>;
  readonly lookup: JoinableContainers;
}

/** The directory for /dev/shm of a container that shares it, made ready; undefined for one of its own. */
export function prepareSharedMemory(
  { paths, lookup }: SharedMemoryRoles,
  container: Pick<Container, 'id' | 'spec'>,
): string | undefined {
  const { ipc, sharedMemoryBytes: sizeBytes = DEFAULT_SHARED_MEMORY_BYTES } = container.spec.namespaces;
  if (typeof ipc === 'object') return paths.shm(lookup.get(ipc.container).id);
  if (ipc !== 'shareable') return undefined;
  const path = paths.shm(container.id);
  mkdirSync(path, { recursive: true });
  if (!isMountPoint(path)) {
    const flags = MountFlag.noSuid | MountFlag.noDev | MountFlag.noExec;
    mountTmpfs(path, { source: 'shm', flags, sizeBytes, mode: 0o1777 });
  }
  return path;
}

export function releaseSharedMemory(
  paths: Pick<ContainerPaths, 'shm'>,
  container: Pick<Container, 'id' | 'spec'>,
): void {
  if (container.spec.namespaces.ipc !== 'shareable') return;
  const path = paths.shm(container.id);
  if (isMountPoint(path)) unmount(path, { lazy: true });
  rmSync(path, { recursive: true, force: true });
}
