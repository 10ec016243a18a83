import type { StatementSync } from 'node:sqlite';
import { isObject, tryParseJson } from '#base/json.ts';
import type { Logger } from '#base/log.ts';
import { readRows, type Row } from '#store/damaged-rows.ts';
import type { Metadata, Migrations } from '#store/metadata.ts';
import { checkVolumeName } from './volume-name.ts';

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
  /** What could not be read of it. */
  readonly damage?: string;
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

  /** Without those whose names could be no directories. */
  all(logger: Logger): readonly VolumeRecord[] {
    return readRows(this.#all.all(), recordOf, { table: 'volume_volumes', logger });
  }
}

function recordOf({ name, created_at: createdAt, labels }: Row): VolumeRecord {
  const record = { name: String(name), createdAt: String(createdAt), labels: null };
  checkVolumeName(record.name);
  if (Number.isNaN(Date.parse(record.createdAt)))
    return { ...record, createdAt: UNKNOWN_TIME, damage: 'the time of its creation is damaged' };
  const read = labels === null ? null : parseLabels(String(labels));
  return read === undefined ? { ...record, damage: 'its labels are damaged' } : { ...record, labels: read };
}

const UNKNOWN_TIME = new Date(0).toISOString();

function parseLabels(json: string): Labels | undefined {
  const value = tryParseJson(json);
  if (!isObject(value)) return undefined;
  return Object.fromEntries(Object.entries(value).map(([key, label]) => [key, String(label)]));
}
