import { rm } from 'node:fs/promises';
import type { ImageStore } from '#image/image.ts';
import type { SnapshotStore } from '#layer/layer.ts';
import type { ContainerPaths } from './container-paths.ts';
import type { ContainerStore } from './container-store.ts';
import type { Lookup } from './lookup.ts';
import { messageOf } from '#base/errors.ts';
import { containerError } from './container-errors.ts';
import type { Container } from './run/container.ts';
import { volumesOf } from './mounts/mounts.ts';
import { type OrphanVolumeRoles, removeOrphanVolumes } from './orphan-volumes.ts';

export interface RemovalRoles extends OrphanVolumeRoles {
  readonly store: Pick<ContainerStore, 'delete' | 'orphanVolumes'>;
  readonly lookup: Pick<Lookup<Container>, 'delete' | 'byId'>;
  readonly snapshots: Pick<SnapshotStore, 'get' | 'damage' | 'remove'>;
  readonly images: Pick<ImageStore, 'noteUse'>;
  readonly paths: Pick<ContainerPaths, 'container'>;
  /** Ends what may still run of a container whose record is damaged; see `discardRun`. */
  readonly discard: (id: string) => Promise<void>;
}

/**
 * Removes a container that does not run; the caller holds its lock.
 *
 * @throws {EngineError} `internal` if something of it cannot be deleted: it is dead then, and can be removed again
 */
export async function removeStopped(
  roles: RemovalRoles,
  container: Container,
  options: { readonly volumes: boolean },
): Promise<void> {
  const { id, exitCode } = container;
  const { store, snapshots, paths } = roles;
  const volumes = options.volumes ? volumesOf(container.definition.mounts, { anonymous: true }) : [];
  store.orphanVolumes.record(volumes);
  if (container.state.status !== 'removing') container.apply({ type: 'removal-started' });
  await roles.discard(id);
  try {
    // A removal that a daemon did not finish is repeated.
    const snapshot = (snapshots.get(id) ?? snapshots.damage(id)) && snapshots.remove(id);
    await Promise.all([snapshot, rm(paths.container(id), { recursive: true, force: true })]);
  } catch (cause) {
    container.apply({ type: 'removal-failed' });
    const problem = messageOf(cause);
    throw containerError('remove-failed', { subject: container.name, details: { problem }, cause });
  }
  store.delete(id);
  roles.lookup.delete(container);
  container.emit('destroy');
  roles.images.noteUse(container.definition.imageId);
  if (volumes.length > 0) await removeOrphanVolumes(roles, volumes);
  container.endNextStreams();
  container.waiters.removed({ exitCode });
}
