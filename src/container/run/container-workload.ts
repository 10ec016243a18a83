import type { SnapshotStore } from '#layer/layer.ts';
import type { FileService } from '#linux/file-service.ts';
import type { Volumes } from '#volume/volume.ts';
import type { ContainerPaths } from '../container-paths.ts';
import { fillVolumes, releaseMounts, resolveMounts } from '../mounts/mounts.ts';
import { makePointsBehindLinks } from '../mounts/points.ts';
import { prepareSharedMemory, releaseSharedMemory } from '../mounts/shared-memory.ts';
import type { JoinableContainers } from './join-namespaces.ts';
import type { Container } from './container.ts';
import type { Workload } from './workload.ts';

export interface MountRoles {
  readonly volumes: Volumes;
  readonly files: FileService;
  readonly paths: Pick<ContainerPaths, 'shm' | 'root' | 'bundles'>;
  readonly lookup: JoinableContainers;
}

/** A container as a workload. What is made ready for it is released when its run ends (`exit.ts`). */
export function containerWorkload(
  roles: MountRoles & { readonly snapshots: Pick<SnapshotStore, 'mount'> },
  container: Container,
): Workload {
  const { id, name, spec, definition } = container;
  const { volumes, files, paths, lookup } = roles;
  return {
    id,
    name,
    spec,
    outlivesDaemon: true,
    ownsHostname: true,
    mountRoot: () => roles.snapshots.mount(id),
    async prepareMounts(rootPath, undo) {
      const context = { containerId: id, volumes, files, ownDirectories: [paths.root, paths.bundles] };
      // A former version filled them at the first start.
      if (container.state.status === 'created') await fillVolumes(definition.mounts, volumes, () => rootPath);
      const mounts = await resolveMounts(definition.mounts, context);
      undo.defer(() => releaseMounts(definition.mounts, context));
      const directory = spec.process.workingDirectory ?? '/';
      await makePointsBehindLinks(files, id, { rootPath, directory, mounts });
      const shmPath = prepareSharedMemory({ paths, lookup }, container);
      undo.defer(() => releaseSharedMemory(paths, container));
      return { mounts, ...(shmPath !== undefined && { shmPath }) };
    },
  };
}
