/**
 * All metadata of one engine: one SQLite file in WAL mode, migrated by numbered steps that each domain contributes.
 *
 * A transaction is atomic and visible at once, but survives power loss only when {@link Metadata.durable} has
 * resolved: the write-ahead log is synced off the event loop, one sync for everything that waits.
 *
 * ```ts
 * const insert = metadata.database.prepare('INSERT INTO volume_volumes VALUES (?, ?)'); // once
 * metadata.transaction(() => insert.run(name, createdAt)); // others see it
 * await metadata.durable(); // now it may be acknowledged
 * ```
 */
import type { DatabaseSync } from 'node:sqlite';

/** Numbered steps of one domain; a step that has landed is never edited, only followed by another. */
export interface Migrations {
  /** The domain, e.g. `container`: its tables carry it as prefix. */
  readonly domain: string;
  /**
   * SQL scripts, and functions for what SQL cannot do; step n brings the domain from version n to n+1. A function reads
   * what the steps before it left, with types of its own: those of the program change.
   */
  readonly steps: readonly (string | ((database: DatabaseSync) => void))[];
}

export interface Metadata extends Disposable {
  /** The database, for prepared statements; keep them, do not prepare on a hot path. */
  readonly database: DatabaseSync;
  /** Runs `work` in one immediate transaction; rolls back and rethrows when it throws. */
  transaction<T>(work: () => T): T;
  /** Resolves when everything that was committed before the call survives power loss. */
  durable(): Promise<void>;
}
