import type { StatementSync } from 'node:sqlite';
import { messageOf } from '#base/errors.ts';
import { hasShape, shapeFault } from '#base/shape-fault.ts';
import type { Metadata, Migrations } from '#store/metadata.ts';
import type { NetworkRecord } from './network.ts';

export const networkMigrations: Migrations = {
  domain: 'network',
  steps: [
    `CREATE TABLE network_networks (
      id TEXT PRIMARY KEY,
      name TEXT NOT NULL UNIQUE,
      created_at TEXT NOT NULL,
      definition TEXT NOT NULL
    ) STRICT`,
  ],
};

/** The networks in the metadata database. The definition is the rest of the record, as JSON. */
export class NetworkTable {
  readonly #save: StatementSync;
  readonly #delete: StatementSync;
  readonly #all: StatementSync;

  constructor({ database }: Pick<Metadata, 'database'>) {
    this.#save = database.prepare(
      'INSERT INTO network_networks (id, name, created_at, definition) VALUES (?, ?, ?, ?) ' +
        'ON CONFLICT (id) DO UPDATE SET definition = excluded.definition',
    );
    this.#delete = database.prepare('DELETE FROM network_networks WHERE id = ?');
    this.#all = database.prepare(
      'SELECT id, name, created_at, definition FROM network_networks ORDER BY rowid',
    );
  }

  /** Adds a record, or replaces the definition of the one with its id. */
  save(record: NetworkRecord): void {
    const { id, name, createdAt, ...definition } = record;
    this.#save.run(id, name, createdAt, JSON.stringify(definition));
  }

  delete(id: string): void {
    this.#delete.run(id);
  }

  /** In the order of their creation. */
  all(): readonly StoredNetwork[] {
    return this.#all.all().map(({ id, name, created_at: createdAt, definition }) => {
      const { damage, ...rest } = decodeDefinition(String(definition));
      const record = { ...rest, id: String(id), name: String(name), createdAt: String(createdAt) };
      return { record, ...(damage !== undefined && { damage }) };
    });
  }
}

/** The record of one whose definition is damaged is a network without anything. */
export interface StoredNetwork {
  readonly record: NetworkRecord;
  readonly damage?: string;
}

type Definition = Omit<NetworkRecord, 'id' | 'name' | 'createdAt'>;

const NOTHING: Definition = {
  driver: { kind: 'null' },
  pools: [],
  isInternal: false,
  isAttachable: false,
  isBuiltIn: false,
  labels: {},
  askedOptions: {},
};

const KINDS: Readonly<Record<Definition['driver']['kind'], true>> = { bridge: true, host: true, null: true };

function decodeDefinition(json: string): Definition & { readonly damage?: string } {
  try {
    const value: unknown = JSON.parse(json);
    if (isDefinition(value)) return value;
    return { ...NOTHING, damage: `${shapeFault(value, SHAPE) ?? 'driver.kind'} is not what it was` };
  } catch (error) {
    return { ...NOTHING, damage: messageOf(error) };
  }
}

const SHAPE = { ...NOTHING, driver: { kind: String() }, pools: [{ subnet: '', gateway: '' }] };

/** This class alone writes records: the outline is enough to know them. */
function isDefinition(value: unknown): value is Definition {
  return hasShape(value, SHAPE) && Object.hasOwn(KINDS, value.driver.kind);
}
