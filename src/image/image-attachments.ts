import type { StatementSync } from 'node:sqlite';
import type { Digest } from '#oci/digest.ts';
import type { Metadata } from '#store/metadata.ts';
import { manifestsOf, type StoredManifest } from './image-manifests.ts';

/**
 * Small documents that belong to images and are no part of them: attestations, with the manifests and configurations
 * that name them. They go with their image.
 */
export class ImageAttachments {
  readonly #metadata: Metadata;
  readonly #insert: StatementSync;
  readonly #select: StatementSync;

  constructor(metadata: Metadata) {
    const { database } = metadata;
    this.#metadata = metadata;
    this.#insert = database.prepare('INSERT OR REPLACE INTO image_attachments VALUES (?, ?, ?, ?)');
    this.#select = database.prepare('SELECT * FROM image_attachments WHERE image_id = ? ORDER BY digest');
    database.exec('DELETE FROM image_attachments WHERE image_id NOT IN (SELECT id FROM image_images)');
  }

  add(imageId: Digest, documents: readonly StoredManifest[]): void {
    this.#metadata.transaction(() => {
      for (const { digest, mediaType, content } of documents)
        this.#insert.run(imageId, digest, mediaType, content);
    });
  }

  of(imageId: Digest): readonly StoredManifest[] {
    return this.#select.all(imageId).flatMap(manifestsOf);
  }
}
