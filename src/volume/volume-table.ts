import type { StatementSync } from 'node:sqlite';
import type { Metadata, Migrations } from '#store/metadata.ts';

export const volumeMigrations: Migrations = {
  domain: 'volume',
  steps: [
    `CREATE TABLE volume_volumes (
      name TEXT PRIMARY KEY,
      created_at TEXT NOT NULL,
      labels TEXT
    ) STRICT`,
  ],
};

type Labels = Readonly<Record<string, string>>;

/** What is known of a volume besides its contents. */
export interface VolumeRecord {
  readonly name: string;
  /** RFC 3339. */
  readonly createdAt: string;
  readonly labels: Labels | null;
}

/** The volumes in the metadata database. */
export class VolumeTable {
  readonly #insert: StatementSync;
  readonly #delete: StatementSync;
  readonly #all: StatementSync;

  constructor({ database }: Pick<Metadata, 'database'>) {
    this.#insert = database.prepare('INSERT INTO volume_volumes (name, created_at, labels) VALUES (?, ?, ?)');
    this.#delete = database.prepare('DELETE FROM volume_volumes WHERE name = ?');
    this.#all = database.prepare('SELECT name, created_at, labels FROM volume_volumes ORDER BY name');
  }

  insert({ name, createdAt, labels }: VolumeRecord): void {
    this.#insert.run(name, createdAt, labels && JSON.stringify(labels));
  }

  delete(name: string): void {
    this.#delete.run(name);
  }

  all(): readonly VolumeRecord[] {
    return this.#all.all().map(({ name, created_at: createdAt, labels }) => ({
      name: String(name),
      createdAt: String(createdAt),
      labels: labels === null ? null : parseLabels(String(labels)),
    }));
  }
}

function parseLabels(json: string): Labels {
  const value: unknown = JSON.parse(json);
  if (typeof value !== 'object' || value === null) return {};
  return Object.fromEntries(Object.entries(value).map(([key, label]) => [key, String(label)]));
}
