import type { StatementSync } from 'node:sqlite';
import type { Logger } from '#base/log.ts';
import { type Digest, parseDigest } from '#oci/digest.ts';
import type { LayerCompression } from '#oci/media-types.ts';
import { readRows, type Row } from '#store/damaged-rows.ts';
import type { Metadata } from '#store/metadata.ts';
import type { ImageLayer } from './image-record.ts';

/** What pulls left unfinished is given up after so long. */
const KEEP_FETCHED_MS = 24 * 3600 * 1000;

/** A blob that no image has as its own. */
export interface LayerBlob {
  readonly blob: Digest;
  readonly compression: LayerCompression;
  /** Absent where it was not unpacked yet. */
  readonly diffId?: Digest;
  /**
   * `fetched`: by a pull that has not become an image; kept for a day, so that the next pull continues.
   * `packed`: made here for a push; kept as long as an image has the layer.
   */
  readonly kind: 'fetched' | 'packed';
  readonly addedAtMs: number;
}

/** Blobs of layers beside those that images name: in memory for reading, in the metadata for good. */
export class LayerBlobs {
  readonly #metadata: Metadata;
  readonly #blobs = new Map<Digest, LayerBlob>();
  readonly #insert: StatementSync;
  readonly #delete: StatementSync;

  constructor(metadata: Metadata, logger: Logger) {
    const { database } = metadata;
    this.#metadata = metadata;
    this.#insert = database.prepare('INSERT OR REPLACE INTO image_layer_blobs VALUES (?, ?, ?, ?, ?)');
    this.#delete = database.prepare('DELETE FROM image_layer_blobs WHERE blob = ?');
    const rows = database.prepare('SELECT * FROM image_layer_blobs').all();
    for (const blob of readRows(rows, blobOf, { table: 'image_layer_blobs', logger })) this.#remember(blob);
  }

  add(blob: Omit<LayerBlob, 'addedAtMs'>): void {
    const added = { ...blob, addedAtMs: Date.now() };
    const { diffId, compression, kind, addedAtMs } = added;
    this.#metadata.transaction(() =>
      this.#insert.run(blob.blob, diffId ?? null, compression, kind, addedAtMs),
    );
    this.#remember(added);
  }

  /** Drops blobs that have become an image's, or are gone. */
  forget(blobs: Iterable<Digest>): void {
    const known = [...blobs].filter((blob) => this.#blobs.has(blob));
    if (known.length === 0) return;
    this.#metadata.transaction(() => {
      for (const blob of known) this.#delete.run(blob);
    });
    for (const blob of known) this.#blobs.delete(blob);
  }

  get(blob: Digest): LayerBlob | undefined {
    return this.#blobs.get(blob);
  }

  all(): IteratorObject<LayerBlob> {
    return this.#blobs.values();
  }

  /** What pulls left that did not become images, whatever its age. */
  unfinished(): readonly LayerBlob[] {
    return [...this.#blobs.values()].filter(({ kind }) => kind === 'fetched');
  }

  /** Blobs that were packed from these layers. */
  packedFrom(diffIds: Iterable<Digest>): readonly Digest[] {
    const wanted = new Set(diffIds);
    return [...this.#blobs.values()]
      .filter(({ kind, diffId }) => kind === 'packed' && diffId !== undefined && wanted.has(diffId))
      .map(({ blob }) => blob);
  }

  /** Blobs and layers to keep, where `isHeld` says which layers images have. */
  held(isHeld: (diffId: Digest) => boolean): readonly Digest[] {
    const isKept = keeping(isHeld);
    return [...this.#blobs.values()]
      .filter(isKept)
      .flatMap(({ blob, diffId }) => (diffId ? [blob, diffId] : [blob]));
  }

  /** The rest. */
  unneeded(isHeld: (diffId: Digest) => boolean): readonly LayerBlob[] {
    const isKept = keeping(isHeld);
    return [...this.#blobs.values()].filter((blob) => !isKept(blob));
  }

  #remember(blob: LayerBlob): void {
    this.#blobs.set(blob.blob, blob);
  }
}

function keeping(isHeld: (diffId: Digest) => boolean): (blob: LayerBlob) => boolean {
  const oldestMs = Date.now() - KEEP_FETCHED_MS;
  return ({ kind, diffId, addedAtMs }) =>
    kind === 'fetched' ? addedAtMs > oldestMs : diffId !== undefined && isHeld(diffId);
}

export function layerOf({ blob, compression, diffId }: LayerBlob): ImageLayer | undefined {
  return diffId && { blob, compression, diffId };
}

function blobOf(row: Row): LayerBlob {
  const diffId = row['diff_id'];
  const compression = row['compression'];
  return {
    blob: parseDigest(String(row['blob'])),
    compression: compression === 'gzip' || compression === 'zstd' ? compression : 'none',
    kind: row['kind'] === 'packed' ? 'packed' : 'fetched',
    addedAtMs: Number(row['added_at_ms']),
    ...(typeof diffId === 'string' ? { diffId: parseDigest(diffId) } : undefined),
  };
}
