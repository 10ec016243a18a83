import { hasReason } from '#base/errors.ts';
import { containerError } from './container-errors.ts';
import type { Networks } from '#network/network.ts';
import type { Lookup } from './lookup.ts';
import type { Container } from './run/container.ts';
import { validateName } from './create/names.ts';

export interface RenameRoles {
  readonly lookup: Pick<Lookup<Container>, 'reserve' | 'release'>;
  readonly networks: Pick<Networks, 'rename'>;
}

/** @throws {EngineError} `rename-without-name`, `rename-same-name`, `container-name-invalid`, `rename-name-taken` */
export async function renameContainer(
  { lookup, networks }: RenameRoles,
  container: Container,
  newName: string,
): Promise<void> {
  if (newName.trim().replace(/^\//, '') === '') {
    throw containerError('rename-without-name', { subject: container.id });
  }
  using _lock = await container.lock();
  const { id, name: oldName } = container;
  const name = newName.trim().replace(/^\//, '');
  if (name === oldName) {
    throw containerError('rename-same-name', { subject: name });
  }
  validateName(name);
  reserve(lookup, container, name);
  try {
    container.redefine({ name });
  } catch (error) {
    lookup.release(name, id);
    throw error;
  }
  lookup.release(oldName, id);
  const sandbox = container.run?.sandbox && networks.rename(id, name);
  if (sandbox) container.changeSandbox(sandbox);
  container.emit('rename', { oldName: `/${oldName}` });
}

function reserve(lookup: RenameRoles['lookup'], { id }: Container, name: string): void {
  try {
    lookup.reserve(name, id);
  } catch (cause) {
    if (!hasReason(cause, 'container-name-taken')) throw cause;
    throw containerError('rename-name-taken', { subject: name, details: cause.details, cause });
  }
}
