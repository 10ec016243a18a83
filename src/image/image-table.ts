/**
 * All images and their names: in memory for reading, in the metadata for good.
 *
 * Names are canonical references (`docker.io/library/busybox:latest`). Every change is one transaction; call
 * `metadata.durable()` before acknowledging it.
 */
import type { StatementSync } from 'node:sqlite';
import { fieldsOf } from '#base/json.ts';
import { messageOf } from '#base/errors.ts';
import type { Logger } from '#base/log.ts';
import { type Digest, isDigest, parseDigest } from '#oci/digest.ts';
import { decodeImageConfig, type ImageConfig } from '#oci/image-config.ts';
import { canonicalReference, parseReference, type Reference } from '#oci/reference.ts';
import { readRows, type Row } from '#store/damaged-rows.ts';
import type { Metadata } from '#store/metadata.ts';
import type { ImageLayer, ImageRecord } from './image-record.ts';

/** A name and what it means. */
export interface NamedImage {
  readonly reference: Reference;
  readonly id: Digest;
  readonly taggedAtMs: number;
}

interface Statements {
  readonly insertImage: StatementSync;
  readonly deleteImage: StatementSync;
  readonly setReference: StatementSync;
  readonly deleteReference: StatementSync;
}

export class ImageTable {
  readonly #metadata: Metadata;
  readonly #statements: Statements;
  readonly #images = new Map<Digest, ImageRecord>();
  readonly #references = new Map<string, NamedImage>();
  readonly #namesOf = new Map<Digest, Set<string>>();
  readonly #childrenOf = new Map<Digest, Set<Digest>>();

  constructor(metadata: Metadata, logger: Logger) {
    this.#metadata = metadata;
    this.#statements = prepare(metadata);
    this.#load(logger);
  }

  get(id: Digest): ImageRecord | undefined {
    return this.#images.get(id);
  }

  all(): IteratorObject<ImageRecord> {
    return this.#images.values();
  }

  named(reference: Reference): NamedImage | undefined {
    return this.#references.get(canonicalReference(reference));
  }

  allNames(): IteratorObject<NamedImage> {
    return this.#references.values();
  }

  /** Sorted by name. */
  namesOf(id: Digest): readonly NamedImage[] {
    const names = [...(this.#namesOf.get(id) ?? [])].toSorted();
    return names.map((name) => this.#references.get(name)).filter((named) => named !== undefined);
  }

  childrenOf(id: Digest): ReadonlySet<Digest> {
    return this.#childrenOf.get(id) ?? new Set();
  }

  /** Ids whose hexadecimal digits start with `prefix`. */
  withPrefix(prefix: string): readonly Digest[] {
    return [...this.#images.keys()].filter((id) => id.startsWith(`sha256:${prefix}`));
  }

  /** Adds images, those that are there whole already excepted, and moves names to them. */
  add(
    images: readonly { readonly record: ImageRecord; readonly configBytes: Buffer }[],
    names: readonly { readonly reference: Reference; readonly id: Digest }[],
  ): void {
    const isWhole = (id: Digest) => this.#images.get(id)?.damage === undefined && this.#images.has(id);
    const added = images.filter(({ record }) => !isWhole(record.id));
    const named = names.map((name) => ({ ...name, taggedAtMs: Date.now() }));
    this.#metadata.transaction(() => {
      for (const { record, configBytes } of added) this.#insert(record, configBytes);
      for (const { reference, id, taggedAtMs } of named)
        this.#statements.setReference.run(canonicalReference(reference), id, taggedAtMs);
    });
    for (const { record } of added) this.#remember(record);
    for (const name of named) this.#rememberName(name);
  }

  untag(reference: Reference): void {
    const name = canonicalReference(reference);
    this.#metadata.transaction(() => this.#statements.deleteReference.run(name));
    this.#forgetName(name);
  }

  /** Removes an image and every name it still has. */
  delete(id: Digest): void {
    this.#metadata.transaction(() => this.#statements.deleteImage.run(id));
    for (const name of this.#namesOf.get(id) ?? []) this.#references.delete(name);
    this.#namesOf.delete(id);
    const parent = this.#images.get(id)?.parent;
    if (parent) this.#childrenOf.get(parent)?.delete(id);
    this.#images.delete(id);
  }

  #insert({ id, layers, parent }: ImageRecord, configBytes: Buffer): void {
    this.#statements.insertImage.run(id, configBytes, JSON.stringify(layers), parent ?? null);
  }

  #remember(record: ImageRecord): void {
    this.#images.set(record.id, record);
    if (!record.parent) return;
    const children = this.#childrenOf.get(record.parent) ?? new Set();
    this.#childrenOf.set(record.parent, children.add(record.id));
  }

  #rememberName(named: NamedImage): void {
    const name = canonicalReference(named.reference);
    this.#forgetName(name);
    this.#references.set(name, named);
    this.#namesOf.set(named.id, (this.#namesOf.get(named.id) ?? new Set()).add(name));
  }

  #forgetName(name: string): void {
    const previous = this.#references.get(name);
    if (previous) this.#namesOf.get(previous.id)?.delete(name);
    this.#references.delete(name);
  }

  #load(logger: Logger): void {
    const { database } = this.#metadata;
    const images = database.prepare('SELECT * FROM image_images').all();
    for (const record of readRows(images, recordOf, { table: 'image_images', logger })) {
      const { id, damage } = record;
      if (damage !== undefined) logger.error('the record of an image is damaged', { id, damage });
      this.#remember(record);
    }
    const names = database.prepare('SELECT * FROM image_references').all();
    for (const named of readRows(names, namedOf, { table: 'image_references', logger }))
      this.#rememberName(named);
  }
}

function prepare({ database }: Metadata): Statements {
  return {
    insertImage: database.prepare(
      `INSERT INTO image_images (id, config, layers, parent) VALUES (?, ?, ?, ?)
        ON CONFLICT (id) DO UPDATE SET config = excluded.config, layers = excluded.layers`,
    ),
    deleteImage: database.prepare('DELETE FROM image_images WHERE id = ?'),
    setReference: database.prepare('INSERT OR REPLACE INTO image_references VALUES (?, ?, ?)'),
    deleteReference: database.prepare('DELETE FROM image_references WHERE reference = ?'),
  };
}

/**
 * What is left of a damaged row says which blobs and layers the image has, so that they stay.
 *
 * @throws {EngineError} `invalid` if not even the id can be read
 */
function recordOf(row: Row): ImageRecord {
  const id = parseDigest(String(row['id']));
  const { parent } = row;
  const own = typeof parent === 'string' && isDigest(parent) ? { id, parent } : { id };
  try {
    return { ...own, config: configOf(row), layers: layersOf(String(row['layers'])) };
  } catch (error) {
    const layers = salvageLayers(String(row['layers']));
    const rootfs = { type: 'layers' as const, diff_ids: layers.map(({ diffId }) => diffId) };
    const config = { architecture: '', os: '', config: {}, rootfs, history: [] };
    return { ...own, config, layers, damage: messageOf(error) };
  }
}

function configOf({ config }: Row): ImageConfig {
  return decodeImageConfig(Buffer.from(config instanceof Uint8Array ? config : []));
}

function layersOf(text: string): readonly ImageLayer[] {
  const layers: unknown = JSON.parse(text);
  if (!Array.isArray(layers) || !layers.every(isLayer)) throw new Error('its layers are not what they were');
  return layers;
}

function salvageLayers(text: string): readonly ImageLayer[] {
  const pattern = /"diffId":"([^"]+)","blob":"([^"]+)"(?:,"compression":"([^"]+)")?/g;
  return [...text.matchAll(pattern)]
    .map(([, diffId, blob, compression = 'none']) => ({ diffId, blob, compression }))
    .filter(isLayer);
}

function isLayer(value: unknown): value is ImageLayer {
  const { diffId, blob, compression } = fieldsOf(value);
  if (compression === undefined || typeof diffId !== 'string' || typeof blob !== 'string') return false;
  return isDigest(diffId) && isDigest(blob);
}

function namedOf(row: Row): NamedImage {
  return {
    reference: parseReference(String(row['reference'])),
    id: parseDigest(String(row['image_id'])),
    taggedAtMs: Number(row['tagged_at_ms']),
  };
}
