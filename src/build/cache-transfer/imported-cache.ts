/** What caches outside the engine know, and how to get it. */
import type { ImageLayer } from '#image/image-record.ts';
import type { Digest } from '#oci/digest.ts';
import type { LayerCompression } from '#oci/media-types.ts';
import type { Lease } from '#store/content.ts';
import type { CacheEntry } from '../cache/build-cache.ts';

/** A layer that can be had from a cache. */
export interface ImportedLayer {
  readonly diffId: Digest;
  readonly blob: Digest;
  readonly size: number;
  readonly compression: LayerCompression;
  /** It is eStargz, made of the layer of this diff ID, which is what is wanted. */
  readonly archive?: Digest;
}

export interface ImportedRecord {
  readonly key: string;
  /** Absent: the vertex changes nothing. */
  readonly layer?: ImportedLayer;
  readonly createdAtMs: number;
}

/** Where the layers of one cache come from. */
export interface ImportedSource {
  readonly name: string;
  readonly records: readonly ImportedRecord[];
  /** The layer, unpacked here; the caller's lease protects it already. */
  fetch(layer: ImportedLayer, signal: AbortSignal, lease: Lease): Promise<ImageLayer>;
}

export interface ImportedCacheOptions {
  /** The layer that an eStargz one was made of; the lease protects it. */
  readonly unwrap: (
    layer: ImageLayer,
    archive: Digest,
    lease: Lease,
    signal: AbortSignal,
  ) => Promise<ImageLayer>;
  /** Is called for a layer that a cache names and does not have; the vertex is solved then. */
  readonly onFailure: (source: string, error: unknown) => void;
}

/** Several caches as one: the first that knows a key counts. */
export class ImportedCache {
  readonly #known = new Map<string, { readonly record: ImportedRecord; readonly source: ImportedSource }>();
  readonly #options: ImportedCacheOptions;

  constructor(sources: readonly ImportedSource[], options: ImportedCacheOptions) {
    this.#options = options;
    for (const source of sources)
      for (const record of source.records)
        if (!this.#known.has(record.key)) this.#known.set(record.key, { record, source });
  }

  /** Fetched when it is asked for. Undefined: no cache has it. */
  async get(key: string, lease: Lease, signal: AbortSignal): Promise<CacheEntry | undefined> {
    const found = this.#known.get(key);
    if (!found) return undefined;
    const { record, source } = found;
    const { layer, createdAtMs } = record;
    if (!layer) return { createdAtMs };
    lease.protect(layer.diffId, layer.blob);
    try {
      const fetched = await source.fetch(layer, signal, lease);
      const { archive } = layer;
      if (archive === undefined) return { layer: fetched, createdAtMs };
      return { layer: await this.#options.unwrap(fetched, archive, lease, signal), createdAtMs };
    } catch (error) {
      signal.throwIfAborted();
      this.#options.onFailure(source.name, error);
      return undefined;
    }
  }
}
