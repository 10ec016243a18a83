import type { StatementSync } from 'node:sqlite';
import type { Logger } from '#base/log.ts';
import { readRows } from '#store/damaged-rows.ts';
import type { Metadata, Migrations } from '#store/metadata.ts';
import { rewriteDockerRecords } from './migrate/docker-records.ts';
import { rewriteSandboxes } from './migrate/sandbox-records.ts';
import { rewriteStartFailures } from './migrate/start-failures.ts';
import { OrphanVolumes, orphanVolumeSteps } from './orphan-volumes.ts';
import type { ContainerDefinition, ContainerProgress } from './container-record.ts';
import { decodeContainer, type StoredContainer } from './stored-container.ts';

/** What containers keep in the metadata. */
export const containerMigrations: Migrations = {
  domain: 'container',
  steps: [
    `CREATE TABLE container_containers (
       sequence INTEGER PRIMARY KEY AUTOINCREMENT,
       id TEXT NOT NULL UNIQUE,
       name TEXT NOT NULL UNIQUE,
       definition TEXT NOT NULL,
       progress TEXT NOT NULL
     ) STRICT`,
    orphanVolumeSteps.create,
    rewriteSandboxes,
    rewriteDockerRecords,
    orphanVolumeSteps.rename,
    rewriteStartFailures,
  ],
};

/** How soon to try again what did not fit on the disk. */
const RETRY_MS = 1000;

/** Containers on disk, one row each. A write is visible at once, and survives power loss once `durable` resolved. */
export class ContainerStore {
  readonly orphanVolumes: OrphanVolumes;
  readonly #metadata: Metadata;
  readonly #insert: StatementSync;
  readonly #updateProgress: StatementSync;
  readonly #updateDefinition: StatementSync;
  readonly #delete: StatementSync;
  readonly #unsaved = new Map<string, ContainerProgress>();
  #retry: NodeJS.Timeout | undefined;

  constructor(metadata: Metadata) {
    this.#metadata = metadata;
    const { database } = metadata;
    this.orphanVolumes = new OrphanVolumes(database);
    this.#insert = database.prepare(
      'INSERT INTO container_containers (id, name, definition, progress) VALUES (?, ?, ?, ?)',
    );
    this.#updateProgress = database.prepare('UPDATE container_containers SET progress = ? WHERE id = ?');
    this.#updateDefinition = database.prepare(
      'UPDATE container_containers SET name = ?, definition = ? WHERE id = ?',
    );
    this.#delete = database.prepare('DELETE FROM container_containers WHERE id = ?');
  }

  insert(definition: ContainerDefinition, progress: ContainerProgress): void {
    this.#insert.run(definition.id, definition.name, JSON.stringify(definition), JSON.stringify(progress));
  }

  saveProgress(id: string, progress: ContainerProgress): void {
    this.#updateProgress.run(JSON.stringify(progress), id);
    this.#unsaved.delete(id);
  }

  /** Saves as soon as it is possible what is a fact and could not be saved, unless later progress is saved first. */
  saveLater(id: string, progress: ContainerProgress): void {
    this.#unsaved.set(id, progress);
    this.#retry ??= setTimeout(() => this.saveUnsaved(), RETRY_MS).unref();
  }

  /** Tries to save what is left, now and until it works. */
  saveUnsaved(): void {
    clearTimeout(this.#retry);
    this.#retry = undefined;
    for (const [id, progress] of this.#unsaved) {
      try {
        this.saveProgress(id, progress);
      } catch {
        // The first failure was logged.
        this.saveLater(id, progress);
      }
    }
  }

  saveDefinition(definition: ContainerDefinition): void {
    this.#updateDefinition.run(definition.name, JSON.stringify(definition), definition.id);
  }

  delete(id: string): void {
    this.#delete.run(id);
    this.#unsaved.delete(id);
  }

  /** In the order of their creation. */
  all(logger: Logger): readonly StoredContainer[] {
    const rows = this.#metadata.database
      .prepare('SELECT id, name, definition, progress FROM container_containers ORDER BY sequence')
      .all();
    return readRows(rows, decodeContainer, { table: 'container_containers', logger });
  }

  durable(): Promise<void> {
    return this.#metadata.durable();
  }
}
