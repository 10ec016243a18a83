import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { messageOf } from '#base/errors.ts';
import type { Logger } from '#base/log.ts';
import type { Volumes } from '#volume/volume.ts';

/** Steps of the container domain's migrations. */
export const orphanVolumeSteps = {
  create: 'CREATE TABLE container_owed_volumes (name TEXT PRIMARY KEY) STRICT',
  rename: 'ALTER TABLE container_owed_volumes RENAME TO container_orphan_volumes',
} as const;

/**
 * Anonymous volumes of containers that are being created or removed: orphans, if the daemon ended now. They are
 * recorded before the first is made, and before the container goes; those that are still recorded at the next start,
 * and that no container uses, are removed.
 */
export class OrphanVolumes {
  readonly #insert: StatementSync;
  readonly #delete: StatementSync;
  readonly #all: StatementSync;

  constructor(database: DatabaseSync) {
    this.#insert = database.prepare('INSERT OR IGNORE INTO container_orphan_volumes (name) VALUES (?)');
    this.#delete = database.prepare('DELETE FROM container_orphan_volumes WHERE name = ?');
    this.#all = database.prepare('SELECT name FROM container_orphan_volumes');
  }

  record(names: readonly string[]): void {
    for (const name of names) this.#insert.run(name);
  }

  forget(names: readonly string[]): void {
    for (const name of names) this.#delete.run(name);
  }

  names(): readonly string[] {
    return this.#all.all().map(({ name }) => String(name));
  }
}

export interface OrphanVolumeRoles {
  readonly volumes: Pick<Volumes, 'remove'>;
  readonly store: { readonly orphanVolumes: OrphanVolumes };
  readonly logger: Logger;
}

/** Removes recorded volumes that no container uses; one that another container uses stays, and is forgotten too. */
export async function removeOrphanVolumes(
  { volumes, store, logger }: OrphanVolumeRoles,
  names: readonly string[],
): Promise<void> {
  for (const name of names) {
    try {
      await volumes.remove(name, { force: true });
    } catch (error) {
      logger.debug('an anonymous volume stays', { volume: name, error: messageOf(error) });
    }
  }
  store.orphanVolumes.forget(names);
}
