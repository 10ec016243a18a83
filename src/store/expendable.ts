import type { StatementSync } from 'node:sqlite';
import type { Digest } from '#oci/digest.ts';
import type { Metadata, Migrations } from './metadata.ts';

export const storeMigrations: Migrations = {
  domain: 'store',
  steps: ['CREATE TABLE store_expendable (digest TEXT PRIMARY KEY) STRICT, WITHOUT ROWID'],
};

/** The roles of {@link ExpendableDigests}. */
export interface Expendable {
  note(digests: Iterable<Digest>): void;
  forget(digests: Iterable<Digest>): void;
  has(digest: Digest): boolean;
}

/** For engines whose metadata do not outlast them. */
export const nothingExpendable: Expendable = { note: () => {}, forget: () => {}, has: () => false };

/**
 * Blobs and layers that the engine was just writing or deleting. If it dies then, the next one deletes those of them
 * that no record owns. What else no record owns has lost its record, and is not deleted but set aside.
 *
 * The notes need not survive power loss: without one, something is set aside that could have been deleted.
 */
export class ExpendableDigests implements Expendable {
  readonly #metadata: Metadata;
  readonly #insert: StatementSync;
  readonly #delete: StatementSync;
  readonly #digests: Set<string>;

  constructor(metadata: Metadata) {
    const { database } = metadata;
    this.#metadata = metadata;
    this.#insert = database.prepare('INSERT OR IGNORE INTO store_expendable VALUES (?)');
    this.#delete = database.prepare('DELETE FROM store_expendable WHERE digest = ?');
    const rows = database.prepare('SELECT digest FROM store_expendable').all();
    this.#digests = new Set(rows.map(({ digest }) => String(digest)));
  }

  note(digests: Iterable<Digest>): void {
    const added = new Set([...digests].filter((digest) => !this.#digests.has(digest)));
    if (added.size === 0) return;
    this.#write(this.#insert, added);
    for (const digest of added) this.#digests.add(digest);
  }

  forget(digests: Iterable<Digest>): void {
    const gone = new Set([...digests].filter((digest) => this.#digests.has(digest)));
    if (gone.size === 0) return;
    this.#write(this.#delete, gone);
    for (const digest of gone) this.#digests.delete(digest);
  }

  has(digest: Digest): boolean {
    return this.#digests.has(digest);
  }

  /** A full disk must not keep anything from being written or deleted: the note is what can be done without. */
  #write(statement: StatementSync, digests: ReadonlySet<Digest>): void {
    try {
      this.#metadata.transaction(() => {
        for (const digest of digests) statement.run(digest);
      });
    } catch {
      // See above.
    }
  }
}
