import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { messageOf } from '#base/errors.ts';
import type { ContainerContext } from './context.ts';

/** One step of the container domain's migrations. */
export const owedVolumesStep = 'CREATE TABLE container_owed_volumes (name TEXT PRIMARY KEY) STRICT';

/**
 * Anonymous volumes that belong to a container which is being created or removed. They are noted before the first
 * is made, and before the container goes; what is still noted at the next start, and used by nobody, is removed.
 */
export class OwedVolumes {
  readonly #insert: StatementSync;
  readonly #delete: StatementSync;
  readonly #all: StatementSync;

  constructor(database: DatabaseSync) {
    this.#insert = database.prepare('INSERT OR IGNORE INTO container_owed_volumes (name) VALUES (?)');
    this.#delete = database.prepare('DELETE FROM container_owed_volumes WHERE name = ?');
    this.#all = database.prepare('SELECT name FROM container_owed_volumes');
  }

  note(names: readonly string[]): void {
    for (const name of names) this.#insert.run(name);
  }

  settle(names: readonly string[]): void {
    for (const name of names) this.#delete.run(name);
  }

  names(): readonly string[] {
    return this.#all.all().map(({ name }) => String(name));
  }
}

/** Removes noted volumes that no container uses; one that another container uses stays, and is settled too. */
export async function removeOwedVolumes(context: ContainerContext, names: readonly string[]): Promise<void> {
  for (const name of names) {
    try {
      await context.volumes.remove(name, { force: true });
    } catch (error) {
      context.logger.debug('an anonymous volume stays', { volume: name, error: messageOf(error) });
    }
  }
  context.store.owedVolumes.settle(names);
}
