import type { Migrations } from '#store/metadata.ts';

/** The tables of images and their names. */
export const imageMigrations: Migrations = {
  domain: 'image',
  steps: [
    `
    CREATE TABLE image_images (
      id TEXT PRIMARY KEY,
      config BLOB NOT NULL,
      layers TEXT NOT NULL,
      parent TEXT
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE image_references (
      reference TEXT PRIMARY KEY,
      image_id TEXT NOT NULL REFERENCES image_images (id) ON DELETE CASCADE,
      tagged_at_ms INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX image_references_by_image ON image_references (image_id);
    `,
    `
    CREATE TABLE image_manifests (
      image_id TEXT NOT NULL,
      digest TEXT NOT NULL,
      media_type TEXT NOT NULL,
      content BLOB NOT NULL,
      added_at_ms INTEGER NOT NULL,
      PRIMARY KEY (image_id, digest)
    ) STRICT, WITHOUT ROWID;
    CREATE TRIGGER image_manifests_go AFTER DELETE ON image_images BEGIN
      DELETE FROM image_manifests WHERE image_id = OLD.id;
    END;
    CREATE TABLE image_layer_blobs (
      blob TEXT PRIMARY KEY,
      diff_id TEXT,
      compression TEXT NOT NULL,
      kind TEXT NOT NULL,
      added_at_ms INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    `,
    `
    CREATE INDEX image_manifests_by_digest ON image_manifests (digest);
    CREATE TABLE image_uses (
      image_id TEXT PRIMARY KEY,
      used_at_ms INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TRIGGER image_uses_go AFTER DELETE ON image_images BEGIN
      DELETE FROM image_uses WHERE image_id = OLD.id;
    END;
    `,
    `
    CREATE TABLE image_attachments (
      image_id TEXT NOT NULL,
      digest TEXT NOT NULL,
      media_type TEXT NOT NULL,
      content BLOB NOT NULL,
      PRIMARY KEY (image_id, digest)
    ) STRICT, WITHOUT ROWID;
    CREATE TRIGGER image_attachments_go AFTER DELETE ON image_images BEGIN
      DELETE FROM image_attachments WHERE image_id = OLD.id;
    END;
    `,
  ],
};
