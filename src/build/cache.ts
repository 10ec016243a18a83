import type { StatementSync } from 'node:sqlite';
import type { ImageLayer } from '#image/image-record.ts';
import { type Digest, isDigest } from '#oci/digest.ts';
import type { Metadata, Migrations } from '#store/metadata.ts';

/** The table of the build cache. */
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
  ],
};

export interface CacheEntry {
  /** Absent: the vertex changes nothing. */
  readonly layer?: ImageLayer;
  readonly createdAtMs: number;
}

/**
 * Which layer each vertex made, by its key, and which images steps without a vertex led to, by their ids. Keeps those layers from being
 * collected as garbage.
 */
export class BuildCache {
  readonly #metadata: Metadata;
  readonly #select: StatementSync;
  readonly #insert: StatementSync;
  readonly #held: StatementSync;

  constructor(metadata: Metadata) {
    const { database } = metadata;
    this.#metadata = metadata;
    this.#select = database.prepare('SELECT diff_id, blob, created_at_ms FROM build_cache WHERE key = ?');
    this.#insert = database.prepare('INSERT OR REPLACE INTO build_cache VALUES (?, ?, ?, ?)');
    this.#held = database.prepare('SELECT diff_id, blob FROM build_cache WHERE diff_id IS NOT NULL');
  }

  get(key: string): CacheEntry | undefined {
    const row = this.#select.get(key);
    if (!row) return undefined;
    const layer = layerOf(row);
    return { ...(layer && { layer }), createdAtMs: Number(row['created_at_ms']) };
  }

  set(key: string, { layer, createdAtMs }: CacheEntry): void {
    this.#metadata.transaction(() =>
      this.#insert.run(key, layer?.diffId ?? null, layer?.blob ?? null, createdAtMs),
    );
  }

  /** The blobs and layers of all entries. */
  held(): readonly Digest[] {
    return this.#layers().flatMap(({ diffId, blob }) => [diffId, blob]);
  }

  /** Forgets everything; the layers are the caller's to collect. */
  clear(): { readonly keys: readonly string[]; readonly layers: readonly ImageLayer[] } {
    const { database } = this.#metadata;
    const layers = this.#layers();
    const keys = database.prepare('SELECT key FROM build_cache').all();
    this.#metadata.transaction(() => database.exec('DELETE FROM build_cache'));
    return { keys: keys.map(({ key }) => String(key)), layers };
  }

  #layers(): readonly ImageLayer[] {
    return this.#held.all().flatMap((row) => layerOf(row) ?? []);
  }
}

function layerOf(row: Readonly<Record<string, unknown>>): ImageLayer | undefined {
  const { diff_id: diffId, blob } = row;
  if (typeof diffId !== 'string' || typeof blob !== 'string') return undefined;
  return isDigest(diffId) && isDigest(blob) ? { diffId, blob, compression: 'none' } : undefined;
}
