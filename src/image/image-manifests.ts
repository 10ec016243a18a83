import type { SQLOutputValue, StatementSync } from 'node:sqlite';
import { type Digest, isDigest } from '#oci/digest.ts';
import type { Metadata } from '#store/metadata.ts';

/** A manifest or index as a registry has it. */
export interface StoredManifest {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly content: Buffer;
}

/**
 * The manifests that images came with or were pushed as, byte for byte: a push gives a registry the digest that others
 * know already. They go with their image.
 */
export class ImageManifests {
  readonly #metadata: Metadata;
  readonly #insert: StatementSync;
  readonly #select: StatementSync;
  readonly #insertOldest: StatementSync;
  readonly #selectLatest: StatementSync;
  readonly #selectImages: StatementSync;

  constructor(metadata: Metadata) {
    const { database } = metadata;
    this.#metadata = metadata;
    this.#insert = database.prepare('INSERT OR REPLACE INTO image_manifests VALUES (?, ?, ?, ?, ?)');
    this.#select = database.prepare(
      'SELECT * FROM image_manifests WHERE image_id = ? ORDER BY added_at_ms DESC, digest',
    );
    this.#insertOldest = database.prepare('INSERT OR IGNORE INTO image_manifests VALUES (?, ?, ?, ?, 0)');
    this.#selectLatest = database.prepare(
      `SELECT * FROM image_manifests WHERE image_id = ?1 AND added_at_ms =
         (SELECT max(added_at_ms) FROM image_manifests WHERE image_id = ?1)`,
    );
    this.#selectImages = database.prepare('SELECT image_id FROM image_manifests WHERE digest = ?');
    database.exec('DELETE FROM image_manifests WHERE image_id NOT IN (SELECT id FROM image_images)');
  }

  /** Adds manifests to an image that is there, or about to be. */
  add(imageId: Digest, manifests: readonly StoredManifest[]): void {
    const now = Date.now();
    this.#metadata.transaction(() => {
      for (const { digest, mediaType, content } of manifests)
        this.#insert.run(imageId, digest, mediaType, content, now);
    });
  }

  /** What it was pushed as, which does not change what it came with. */
  addPushed(imageId: Digest, { digest, mediaType, content }: StoredManifest): void {
    this.#insertOldest.run(imageId, digest, mediaType, content);
  }

  /** The latest first. */
  of(imageId: Digest): readonly StoredManifest[] {
    return this.#select.all(imageId).flatMap(manifestsOf);
  }

  /** What it came with, or was built into, the last time: all that was added then. */
  latest(imageId: Digest): readonly StoredManifest[] {
    return this.#selectLatest.all(imageId).flatMap(manifestsOf);
  }

  /** The images that came with this manifest or index. */
  imagesWith(digest: Digest): readonly Digest[] {
    return this.#selectImages.all(digest).flatMap(({ image_id: id }) => digestsOf(id));
  }
}

/** None where the row is damaged: the image is pushed with a manifest that is made anew. */
export function manifestsOf(row: Readonly<Record<string, SQLOutputValue>>): readonly StoredManifest[] {
  const { digest, media_type: mediaType, content } = row;
  if (!(content instanceof Uint8Array)) return [];
  return digestsOf(digest).map((each) => ({
    digest: each,
    mediaType: String(mediaType),
    content: Buffer.from(content),
  }));
}

function digestsOf(value: SQLOutputValue | undefined): readonly Digest[] {
  return typeof value === 'string' && isDigest(value) ? [value] : [];
}
