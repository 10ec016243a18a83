import type { StatementSync } from 'node:sqlite';
import type { Metadata, Migrations } from '#store/metadata.ts';

export const cacheDirectoryMigrations: Migrations = {
  domain: 'build-caches',
  steps: [
    `
    CREATE TABLE build_cache_directories (
      name TEXT PRIMARY KEY,
      cache_key TEXT NOT NULL,
      mount_id TEXT NOT NULL,
      created_at_ms INTEGER NOT NULL,
      used_at_ms INTEGER NOT NULL,
      uses INTEGER NOT NULL,
      size_bytes INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX build_cache_directories_key ON build_cache_directories (cache_key);
    `,
  ],
};

export interface StoredDirectory {
  readonly name: string;
  /** As the Dockerfile says. */
  readonly id: string;
  readonly createdAtMs: number;
  readonly usedAtMs: number;
  readonly uses: number;
  readonly sizeBytes: number;
}

/** Which directories there are for which caches. */
export class CacheDirectoryTable {
  readonly #metadata: Metadata;
  readonly #all: StatementSync;
  readonly #named: StatementSync;
  readonly #insert: StatementSync;
  readonly #used: StatementSync;
  readonly #sized: StatementSync;
  readonly #delete: StatementSync;

  constructor(metadata: Metadata) {
    const { database } = metadata;
    const table = 'build_cache_directories';
    this.#metadata = metadata;
    this.#all = database.prepare(`SELECT * FROM ${table}`);
    this.#named = database.prepare(
      `SELECT name FROM ${table} WHERE cache_key = ? ORDER BY created_at_ms, name`,
    );
    this.#insert = database.prepare(`INSERT INTO ${table} VALUES (?, ?, ?, ?, ?, 0, 0)`);
    this.#used = database.prepare(`UPDATE ${table} SET used_at_ms = ?, uses = uses + 1 WHERE name = ?`);
    this.#sized = database.prepare(`UPDATE ${table} SET size_bytes = ? WHERE name = ?`);
    this.#delete = database.prepare(`DELETE FROM ${table} WHERE name = ?`);
  }

  all(): readonly StoredDirectory[] {
    return this.#all.all().map((row) => ({
      name: String(row['name']),
      id: String(row['mount_id']),
      createdAtMs: Number(row['created_at_ms']),
      usedAtMs: Number(row['used_at_ms']),
      uses: Number(row['uses']),
      sizeBytes: Number(row['size_bytes']),
    }));
  }

  /** The directories of one key, the oldest first. */
  named(key: string): readonly string[] {
    return this.#named.all(key).map(({ name }) => String(name));
  }

  add(row: {
    readonly name: string;
    readonly key: string;
    readonly id: string;
    readonly atMs: number;
  }): void {
    const { name, key, id, atMs } = row;
    this.#metadata.transaction(() => this.#insert.run(name, key, id, atMs, atMs));
  }

  used(name: string, atMs: number): void {
    this.#metadata.transaction(() => this.#used.run(atMs, name));
  }

  sized(name: string, sizeBytes: number): void {
    this.#metadata.transaction(() => this.#sized.run(sizeBytes, name));
  }

  remove(names: readonly string[]): void {
    if (names.length === 0) return;
    this.#metadata.transaction(() => {
      for (const name of names) this.#delete.run(name);
    });
  }
}
