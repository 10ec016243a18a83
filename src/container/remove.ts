import { rm } from 'node:fs/promises';
import { EngineError, messageOf } from '#base/errors.ts';
import type { ContainerContext } from './context.ts';
import type { ManagedContainer } from './run/managed-container.ts';
import { volumesOf } from './mounts/mounts.ts';
import { removeOwedVolumes } from './owed-volumes.ts';

/**
 * Removes a container that does not run; the caller holds its lock.
 *
 * @throws {EngineError} `internal` if something of it cannot be deleted: it is dead then, and can be removed again
 */
export async function removeStopped(
  context: ContainerContext,
  container: ManagedContainer,
  options: { readonly volumes: boolean },
): Promise<void> {
  const { id } = container;
  const { exitCode } = container;
  const volumes = options.volumes ? volumesOf(container.definition.mounts, { anonymous: true }) : [];
  context.store.owedVolumes.note(volumes);
  if (container.state.status !== 'removing') container.apply({ type: 'removal-started' });
  try {
    // A removal that a daemon did not finish is repeated.
    const snapshot = context.snapshots.get(id) && context.snapshots.remove(id);
    await Promise.all([snapshot, rm(context.paths.container(id), { recursive: true, force: true })]);
  } catch (cause) {
    container.apply({ type: 'removal-failed' });
    const message = `cannot remove container "/${container.name}": ${messageOf(cause)}`;
    throw new EngineError('internal', message, { cause });
  }
  context.store.delete(id);
  context.lookup.delete(container);
  container.emit('destroy');
  context.images.noteUse(container.definition.imageId);
  if (volumes.length > 0) await removeOwedVolumes(context, volumes);
  container.input.close();
  container.hub.endListeners();
  container.waiters.removed({ exitCode });
}
