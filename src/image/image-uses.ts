import type { StatementSync } from 'node:sqlite';
import { KeyedUseCount } from '#base/use-count.ts';
import { type Digest, isDigest } from '#oci/digest.ts';
import type { Metadata } from '#store/metadata.ts';

/** A container a millisecond must not be a row a millisecond. */
const GRAIN_MS = 1000;

/**
 * When images were last used: run, pulled, built from, or made. In memory at once; in the metadata within a second, and
 * without waiting for the disk, since a use that power loss forgets costs at most a pull.
 */
export class ImageUses {
  readonly #metadata: Metadata;
  readonly #lastMs = new Map<Digest, number>();
  readonly #storedMs = new Map<Digest, number>();
  readonly #holders = new KeyedUseCount<Digest>();
  readonly #insert: StatementSync;

  constructor(metadata: Metadata) {
    const { database } = metadata;
    this.#metadata = metadata;
    this.#insert = database.prepare('INSERT OR REPLACE INTO image_uses VALUES (?, ?)');
    database.exec('DELETE FROM image_uses WHERE image_id NOT IN (SELECT id FROM image_images)');
    for (const row of database.prepare('SELECT * FROM image_uses').all()) {
      const id = String(row['image_id']);
      if (!isDigest(id)) continue;
      this.#lastMs.set(id, Number(row['used_at_ms']));
      this.#storedMs.set(id, Number(row['used_at_ms']));
    }
  }

  /** Records a use of an image that is there, or is just being added. */
  note(id: Digest, atMs = Date.now()): void {
    this.#lastMs.set(id, atMs);
    if (atMs - (this.#storedMs.get(id) ?? Number.NEGATIVE_INFINITY) < GRAIN_MS) return;
    this.#storedMs.set(id, atMs);
    this.#metadata.transaction(() => this.#insert.run(id, atMs));
  }

  /** The image is about to be used by what is not known as a user yet, such as a container in the making. */
  hold(id: Digest): Disposable {
    this.note(id);
    return this.#holders.use(id);
  }

  isHeld(id: Digest): boolean {
    return this.#holders.isUsed(id);
  }

  /** undefined for images that were here before uses were noted. */
  lastMs(id: Digest): number | undefined {
    return this.#lastMs.get(id);
  }

  /** Drops the record of an image that is gone. */
  forget(id: Digest): void {
    this.#lastMs.delete(id);
    this.#storedMs.delete(id);
  }
}
