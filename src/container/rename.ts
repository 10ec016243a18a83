import { hasReason } from '#base/errors.ts';
import { containerError } from './container-errors.ts';
import type { ContainerContext } from './context.ts';
import type { ManagedContainer } from './run/managed-container.ts';
import { validateName } from './create/names.ts';

/** @throws {EngineError} `rename-without-name`, `rename-same-name`, `container-name-invalid`, `rename-name-taken` */
export async function renameContainer(
  context: ContainerContext,
  container: ManagedContainer,
  newName: string,
): Promise<void> {
  if (newName.trim().replace(/^\//, '') === '') {
    throw containerError('rename-without-name', { subject: container.id });
  }
  using _lock = await context.locks.acquire(container.id);
  const { id, name: oldName } = container;
  const name = newName.trim().replace(/^\//, '');
  if (name === oldName) {
    throw containerError('rename-same-name', { subject: name });
  }
  validateName(name);
  reserve(context, container, name);
  try {
    container.redefine({ name });
  } catch (error) {
    context.lookup.release(name, id);
    throw error;
  }
  context.lookup.release(oldName, id);
  if (container.run) context.networks.rename(id, name);
  container.renameSandbox(name);
  container.emit('rename', { oldName: `/${oldName}` });
}

function reserve({ lookup }: ContainerContext, { id }: ManagedContainer, name: string): void {
  try {
    lookup.reserve(name, id);
  } catch (cause) {
    if (!hasReason(cause, 'container-name-taken')) throw cause;
    throw containerError('rename-name-taken', { subject: name, details: cause.details, cause });
  }
}
