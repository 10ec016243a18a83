/** What caches outside the engine know, and how to get it. */
import type { ImageLayer } from '#image/image-record.ts';
import type { Digest } from '#oci/digest.ts';
import type { LayerCompression } from '#oci/media-types.ts';
import type { Lease } from '#store/content.ts';
import type { CacheEntry } from '../cache.ts';

/** A layer that can be had from a cache. */
export interface ImportedLayer {
  readonly diffId: Digest;
  readonly blob: Digest;
  readonly size: number;
  readonly compression: LayerCompression;
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

/** Several caches as one: the first that knows a key counts. */
export class ImportedCache {
  readonly #known = new Map<string, { readonly record: ImportedRecord; readonly source: ImportedSource }>();
  readonly #onFailure: (source: string, error: unknown) => void;

  /** @param onFailure hears of layers that a cache names and does not have: the vertex is solved then */
  constructor(
    sources: readonly ImportedSource[],
    onFailure: (source: string, error: unknown) => void = () => undefined,
  ) {
    this.#onFailure = onFailure;
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
      return { layer: await source.fetch(layer, signal, lease), createdAtMs };
    } catch (error) {
      signal.throwIfAborted();
      this.#onFailure(source.name, error);
      return undefined;
    }
  }
}
