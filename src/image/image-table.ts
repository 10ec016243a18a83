/**
 * All images and their names: in memory for reading, in the metadata for good.
 *
 * Names are canonical references (`docker.io/library/busybox:latest`). Every change is one transaction; call
 * `metadata.durable()` before acknowledging it.
 */
import type { SQLInputValue, StatementSync } from 'node:sqlite';
import type { EngineError } from '#base/errors.ts';
import { type Digest, isDigest, parseDigest } from '#oci/digest.ts';
import { decodeImageConfig } from '#oci/image-config.ts';
import { canonicalReference, parseReference, type Reference } from '#oci/reference.ts';
import type { Metadata } from '#store/metadata.ts';
import { imageError } from './image-errors.ts';
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

  constructor(metadata: Metadata) {
    this.#metadata = metadata;
    this.#statements = prepare(metadata);
    this.#load();
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

  /** Adds images, those that are there already excepted, and moves names to them. */
  add(
    images: readonly { readonly record: ImageRecord; readonly configBytes: Buffer }[],
    names: readonly { readonly reference: Reference; readonly id: Digest }[],
  ): void {
    const added = images.filter(({ record }) => !this.#images.has(record.id));
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

  #load(): void {
    const { database } = this.#metadata;
    for (const row of database.prepare('SELECT * FROM image_images').all()) this.#remember(recordOf(row));
    for (const row of database.prepare('SELECT * FROM image_references').all())
      this.#rememberName({
        reference: parseReference(String(row['reference'])),
        id: parseDigest(String(row['image_id'])),
        taggedAtMs: Number(row['tagged_at_ms']),
      });
  }
}

function prepare({ database }: Metadata): Statements {
  return {
    insertImage: database.prepare(
      'INSERT INTO image_images (id, config, layers, parent) VALUES (?, ?, ?, ?)',
    ),
    deleteImage: database.prepare('DELETE FROM image_images WHERE id = ?'),
    setReference: database.prepare('INSERT OR REPLACE INTO image_references VALUES (?, ?, ?)'),
    deleteReference: database.prepare('DELETE FROM image_references WHERE reference = ?'),
  };
}

type Row = Readonly<Record<string, SQLInputValue>>;

function recordOf(row: Row): ImageRecord {
  const { id, config, layers, parent } = row;
  if (typeof id !== 'string' || typeof layers !== 'string' || !(config instanceof Uint8Array))
    throw damaged('of unknown id');
  return {
    id: parseDigest(id),
    config: decodeImageConfig(Buffer.from(config)),
    layers: layersOf(layers, id),
    ...(typeof parent === 'string' ? { parent: parseDigest(parent) } : undefined),
  };
}

function layersOf(text: string, id: string): readonly ImageLayer[] {
  const layers: unknown = JSON.parse(text);
  if (!Array.isArray(layers) || !layers.every(isLayer)) throw damaged(id);
  return layers;
}

function isLayer(value: unknown): value is ImageLayer {
  if (typeof value !== 'object' || value === null) return false;
  if (!('diffId' in value && 'blob' in value && 'compression' in value)) return false;
  const { diffId, blob } = value;
  return typeof diffId === 'string' && isDigest(diffId) && typeof blob === 'string' && isDigest(blob);
}

function damaged(id: string): EngineError {
  return imageError('record-damaged', { subject: id });
}
