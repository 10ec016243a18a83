import type { ImageLayer } from '#image/image-record.ts';
import type { Digest } from '#oci/digest.ts';
import type { Lease } from '#store/content.ts';
import type { BuildCache, CacheEntry, CacheEntryFacts, CacheUses } from '../cache/build-cache.ts';
import { outputKey } from '../cache/vertex-key.ts';
import type { ImportedCache } from '../cache-transfer/imported-cache.ts';
import { cacheFacts } from '../definition/describe-vertex.ts';
import { stateMounts } from '../definition/vertex-inputs.ts';
import type { Solved, Vertex } from '../definition/vertex.ts';
import type { LayerLookup } from '../dependencies.ts';
import type { Operation } from '../plan/plan.ts';
import type { SolvedAlone, VertexLayers } from './vertex-work.ts';

/** The engine's own cache. */
export interface OwnCache {
  readonly cache: BuildCache;
  readonly layers: LayerLookup;
}

export interface VertexCacheOptions {
  /** Protects what is found. */
  readonly lease: Lease;
  readonly noCache: boolean;
  /** True for vertices that the cache is not asked for. */
  readonly isFresh?: (vertex: Operation) => boolean;
  /** Caches outside the engine. */
  readonly imported?: ImportedCache;
  /** Keeps what is found or made from being pruned. */
  readonly uses: CacheUses;
}

type Found = Omit<Solved, 'cached'> | undefined;

/** The caches as one build sees them: by which keys its vertices are known, and what is found by them. */
export class VertexCache {
  readonly #own: OwnCache;
  readonly #options: VertexCacheOptions;
  readonly #keys = new Map<Vertex, string>();

  constructor(own: OwnCache, options: VertexCacheOptions) {
    this.#own = own;
    this.#options = options;
  }

  /** The key that {@link know} was told; undefined for vertices that have none, or none yet. */
  keyOf(vertex: Vertex): string | undefined {
    return this.#keys.get(vertex);
  }

  know(vertex: Operation, key: string): void {
    this.#keys.set(vertex, key);
    this.#options.uses.add(key);
  }

  /** True if the vertex is to be made anew. */
  isFresh(vertex: Operation): boolean {
    const { noCache, isFresh } = this.#options;
    return noCache || isFresh?.(vertex) === true;
  }

  /** True if a step without a vertex led to this image before. */
  isKnown(id: Digest): boolean {
    return !this.#options.noCache && this.#own.cache.get(id) !== undefined;
  }

  /** Looks into the engine's own cache, unless the vertex is wanted anew. */
  async find(vertex: Operation, key: string): Promise<Found> {
    if (this.isFresh(vertex)) return undefined;
    return await this.#findAll(vertex, key, (each) => this.#lookUp(each));
  }

  /** Looks into the caches outside; an entry that is found becomes the engine's own. */
  async findOutside(vertex: Operation, key: string, signal: AbortSignal): Promise<Found> {
    if (this.isFresh(vertex)) return undefined;
    return await this.#findAll(vertex, key, (each) => this.#import(vertex, each, signal));
  }

  /** Keeps what a vertex has changed. */
  remember(vertex: SolvedAlone, key: string, { layer, outputs }: VertexLayers): Solved {
    const createdAtMs = Date.now();
    const facts = this.#factsOf(vertex);
    const keep = (name: string, changed: ImageLayer | undefined) =>
      this.#own.cache.set(name, { ...(changed && { layer: changed }), createdAtMs }, facts);
    for (const number of stateNumbers(vertex)) keep(outputKey(key, number), outputs?.get(number));
    keep(key, layer);
    return { ...(layer && { layer }), ...(outputs && { outputs }), createdAtMs, cached: false };
  }

  /** Keeps layers from being collected until the build ends. */
  protect({ layer, outputs }: VertexLayers): void {
    for (const each of [layer, ...(outputs?.values() ?? [])])
      if (each) this.#options.lease.protect(each.diffId, each.blob);
  }

  /** Finds a vertex, and of a command also what it leaves in its mounts: only together they are its result. */
  async #findAll(
    vertex: Operation,
    key: string,
    get: (key: string) => CacheEntry | undefined | Promise<CacheEntry | undefined>,
  ): Promise<Found> {
    const entry = await get(key);
    const numbers = stateNumbers(vertex);
    if (!entry || numbers.length === 0) return entry;
    const outputs = new Map<number, ImageLayer>();
    for (const number of numbers) {
      const ofMount = outputKey(key, number);
      this.#options.uses.add(ofMount);
      const output = await get(ofMount);
      if (!output) return undefined;
      if (output.layer) outputs.set(number, output.layer);
    }
    return { ...entry, outputs };
  }

  #lookUp(key: string): CacheEntry | undefined {
    const { cache, layers } = this.#own;
    const entry = cache.get(key);
    if (!entry || (entry.layer && !layers.get(entry.layer.diffId))) return undefined;
    cache.found(key);
    this.protect(entry);
    return entry;
  }

  async #import(vertex: Operation, key: string, signal: AbortSignal): Promise<CacheEntry | undefined> {
    const { imported, lease } = this.#options;
    const entry = await imported?.get(key, lease, signal);
    if (entry) this.#own.cache.set(key, entry, this.#factsOf(vertex));
    return entry;
  }

  #factsOf(vertex: Operation): CacheEntryFacts {
    const parent = this.#keys.get(vertex.parent);
    return cacheFacts(vertex, parent === undefined ? [] : [parent]);
  }
}

/** The mounts of a command whose changes are part of its result. */
function stateNumbers(vertex: Operation): readonly number[] {
  return vertex.kind === 'exec' ? stateMounts(vertex.mounts).map(({ number }) => number) : [];
}
