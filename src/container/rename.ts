import { EngineError } from '#base/errors.ts';
import type { ContainerContext } from './context.ts';
import type { ManagedContainer } from './run/managed-container.ts';
import { validateName } from './create/names.ts';

/** @throws {EngineError} `invalid` for a bad name or its own, `conflict` if another container has it */
export async function renameContainer(
  context: ContainerContext,
  container: ManagedContainer,
  newName: string,
): Promise<void> {
  if (newName.trim().replace(/^\//, '') === '') {
    throw new EngineError('invalid', 'Neither old nor new names may be empty');
  }
  using _lock = await context.locks.acquire(container.id);
  const { id, name: oldName } = container;
  const name = newName.trim().replace(/^\//, '');
  if (name === oldName) {
    throw new EngineError('invalid', 'Renaming a container with the same name as its current name');
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
    if (!(cause instanceof EngineError)) throw cause;
    throw new EngineError(cause.code, `Error when allocating new name: ${cause.message}`, { cause });
  }
}
