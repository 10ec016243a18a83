import type { StatementSync } from 'node:sqlite';
import { tryParseJson } from '#base/json.ts';
import type { ImageLayer } from '#image/image-record.ts';
import { type Digest, isDigest } from '#oci/digest.ts';
import type { Metadata, Migrations } from '#store/metadata.ts';

export const buildCacheMigrations: Migrations = {
  domain: 'build',
  steps: [
    `
    CREATE TABLE build_cache (
      key TEXT PRIMARY KEY,
      diff_id TEXT,
      blob TEXT,
      created_at_ms INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    `,
    `
    ALTER TABLE build_cache ADD COLUMN type TEXT NOT NULL DEFAULT 'regular';
    ALTER TABLE build_cache ADD COLUMN description TEXT NOT NULL DEFAULT '';
    ALTER TABLE build_cache ADD COLUMN parents TEXT NOT NULL DEFAULT '[]';
    ALTER TABLE build_cache ADD COLUMN used_at_ms INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE build_cache ADD COLUMN uses INTEGER NOT NULL DEFAULT 0;
    UPDATE build_cache SET used_at_ms = created_at_ms;
    UPDATE build_cache SET type = 'internal' WHERE key LIKE 'sha256:%';
    `,
    `
    ALTER TABLE build_cache ADD COLUMN compression TEXT NOT NULL DEFAULT 'none';
    `,
  ],
};

export interface CacheEntry {
  /** Absent: the vertex changes nothing. */
  readonly layer?: ImageLayer;
  readonly createdAtMs: number;
}

/** BuildKit's words. `internal`: what the builder notes for itself. */
type CacheEntryType = 'regular' | 'internal';

/** What an entry is, as `builder prune` and `system df` show it. */
export interface CacheEntryFacts {
  readonly type: CacheEntryType;
  readonly description: string;
  /** Keys of what it stands on. */
  readonly parents: readonly string[];
}

export interface StoredCacheEntry extends CacheEntry, CacheEntryFacts {
  readonly key: string;
  readonly usedAtMs: number;
  /** How often it was found. */
  readonly uses: number;
  readonly isInUse: boolean;
}

/** Keeps what a build finds or makes from being pruned, until it is disposed. */
export interface CacheUses extends Disposable {
  add(key: string): void;
}

const INTERNAL: CacheEntryFacts = { type: 'internal', description: '', parents: [] };

/**
 * Which layer each vertex made, by its key, and which images steps without a vertex led to, by their ids. Keeps those
 * layers from being collected as garbage.
 */
export class BuildCache {
  readonly #metadata: Metadata;
  readonly #select: StatementSync;
  readonly #insert: StatementSync;
  readonly #held: StatementSync;
  readonly #delete: StatementSync;
  readonly #touch: StatementSync;
  /** By key: how many builds use it now. */
  readonly #inUse = new Map<string, number>();
  /** Uses that are not stored yet: a build that finds everything writes once. */
  readonly #found = new Map<string, { usedAtMs: number; uses: number }>();

  constructor(metadata: Metadata) {
    const { database } = metadata;
    this.#metadata = metadata;
    this.#select = database.prepare(
      'SELECT diff_id, blob, compression, created_at_ms FROM build_cache WHERE key = ?',
    );
    this.#insert = database.prepare(
      `INSERT OR REPLACE INTO build_cache
        (key, diff_id, blob, compression, created_at_ms, type, description, parents, used_at_ms, uses)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0)`,
    );
    this.#held = database.prepare(
      'SELECT diff_id, blob, compression FROM build_cache WHERE diff_id IS NOT NULL',
    );
    this.#delete = database.prepare('DELETE FROM build_cache WHERE key = ?');
    this.#touch = database.prepare('UPDATE build_cache SET used_at_ms = ?, uses = uses + ? WHERE key = ?');
  }

  get(key: string): CacheEntry | undefined {
    const row = this.#select.get(key);
    if (!row || isDamaged(row)) return undefined;
    const layer = layerOf(row);
    return { ...(layer && { layer }), createdAtMs: Number(row['created_at_ms']) };
  }

  set(key: string, { layer, createdAtMs }: CacheEntry, facts: CacheEntryFacts = INTERNAL): void {
    const { type, description, parents } = facts;
    this.#found.delete(key);
    this.#metadata.transaction(() =>
      this.#insert.run(
        key,
        layer?.diffId ?? null,
        layer?.blob ?? null,
        layer?.compression ?? 'none',
        createdAtMs,
        type,
        description,
        JSON.stringify(parents),
        Date.now(),
      ),
    );
  }

  /** Counts a use of an entry; it is stored with the next {@link entries}. */
  found(key: string): void {
    const before = this.#found.get(key);
    this.#found.set(key, { usedAtMs: Date.now(), uses: (before?.uses ?? 0) + 1 });
  }

  openUses(): CacheUses {
    const keys = new Set<string>();
    return {
      add: (key) => {
        if (keys.has(key)) return;
        keys.add(key);
        this.#inUse.set(key, (this.#inUse.get(key) ?? 0) + 1);
      },
      [Symbol.dispose]: () => {
        for (const key of keys) this.#leave(key);
        keys.clear();
      },
    };
  }

  /** All of them, those used longest ago first. */
  entries(): readonly StoredCacheEntry[] {
    this.#writeFound();
    const rows = this.#metadata.database
      .prepare('SELECT * FROM build_cache ORDER BY used_at_ms, created_at_ms')
      .all();
    return rows.map((row) => this.#entryOf(row));
  }

  /** The blobs and layers of all entries. */
  held(): readonly Digest[] {
    return this.#held.all().flatMap((row) => {
      const layer = layerOf(row);
      return layer ? [layer.diffId, layer.blob] : [];
    });
  }

  /** Forgets entries; their layers are the caller's to collect. */
  remove(keys: readonly string[]): void {
    if (keys.length === 0) return;
    this.#metadata.transaction(() => {
      for (const key of keys) this.#delete.run(key);
    });
    for (const key of keys) this.#found.delete(key);
  }

  #leave(key: string): void {
    const count = (this.#inUse.get(key) ?? 0) - 1;
    if (count > 0) this.#inUse.set(key, count);
    else this.#inUse.delete(key);
  }

  #writeFound(): void {
    if (this.#found.size === 0) return;
    this.#metadata.transaction(() => {
      for (const [key, { usedAtMs, uses }] of this.#found) this.#touch.run(usedAtMs, uses, key);
    });
    this.#found.clear();
  }

  #entryOf(row: Row): StoredCacheEntry {
    const key = String(row['key']);
    const layer = layerOf(row);
    return {
      key,
      ...(layer && { layer }),
      createdAtMs: Number(row['created_at_ms']),
      type: row['type'] === 'internal' ? 'internal' : 'regular',
      description: String(row['description']),
      parents: keysIn(String(row['parents'])),
      usedAtMs: Number(row['used_at_ms']),
      uses: Number(row['uses']),
      isInUse: this.#inUse.has(key),
    };
  }
}

type Row = Readonly<Record<string, unknown>>;

/** What is only shown may be missing. */
function keysIn(text: string): readonly string[] {
  const keys = tryParseJson(text);
  return Array.isArray(keys) ? keys.map(String) : [];
}

/** A vertex that made a layer must not count as one that changed nothing. */
function isDamaged(row: Row): boolean {
  return row['diff_id'] !== null && layerOf(row) === undefined;
}

function layerOf(row: Row): ImageLayer | undefined {
  const { diff_id: diffId, blob, compression } = row;
  if (typeof diffId !== 'string' || typeof blob !== 'string') return undefined;
  if (!isDigest(diffId) || !isDigest(blob)) return undefined;
  return {
    diffId,
    blob,
    compression: compression === 'gzip' || compression === 'zstd' ? compression : 'none',
  };
}
