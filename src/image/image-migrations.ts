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
  ],
};
