import { newId } from '#base/ids.ts';
import type { SharedWork } from '#base/shared-work.ts';
import type { UseCount } from '#base/use-count.ts';
import type { ImageLayer } from '#image/image-record.ts';
import type { Digest } from '#oci/digest.ts';
import { outputKey, vertexKey } from '../cache/vertex-key.ts';
import type { SolvedRecord } from '../cache-transfer/solved-records.ts';
import { filesTakenBy, inputsOf } from '../definition/vertex-inputs.ts';
import type {
  DiffVertex,
  LocalFiles,
  OutputVertex,
  RemoteFiles,
  Solved,
  Vertex,
} from '../definition/vertex.ts';
import type { ImageLeases } from '#image/owned-images.ts';
import type { Operation } from '../plan/plan.ts';
import type { Downloads } from '../remote/downloads.ts';
import type { BuildSession } from '../session/build-session.ts';
import { FetchedSources } from './fetched-sources.ts';
import { type SourceWork, Sources } from './file-sources.ts';
import type { VertexSolver } from './solve-vertex.ts';
import type { SolvedAlone, VertexWork } from './vertex-work.ts';
import { StepLog } from './step-log.ts';
import { type OwnCache, VertexCache, type VertexCacheOptions } from './vertex-cache.ts';

/** What builds of one engine solve with. */
export interface SolverWork extends OwnCache {
  readonly leases: ImageLeases;
  readonly downloads: Pick<Downloads, 'get'>;
  readonly vertices: VertexSolver;
  readonly sources: SourceWork;
  readonly shared: SharedSolving;
}

/** Vertices that several builds want at once, by their cache keys. */
interface SharedSolving {
  readonly work: SharedWork<string, Solved>;
  readonly logs: Map<string, StepLog>;
}

export interface SolverOptions extends VertexCacheOptions {
  readonly session?: BuildSession;
  /** See `FetchedSources`. */
  readonly permit: (source: RemoteFiles) => RemoteFiles;
  /** In use while something is made of the build's files; for builds that share it, also after this one has left. */
  readonly reading: UseCount;
  readonly signal: AbortSignal;
  readonly observer?: VertexObserver;
  /** @returns an error that says more, to fail with */
  readonly explain?: (vertex: Operation, error: unknown) => unknown;
}

/** Is told what happens to the vertices of a build. */
export interface VertexObserver {
  /** What it stands on is there. */
  starts(vertex: Operation): void;
  /** Where its output comes from. */
  logs(vertex: Operation, log: StepLog): void;
  ends(vertex: Operation, outcome: VertexOutcome): void;
}

export type VertexOutcome =
  | { readonly kind: 'solved' | 'cached' }
  | { readonly kind: 'failed'; readonly error: unknown }
  /** Another vertex failed, or the build was canceled. */
  | { readonly kind: 'canceled' };

/**
 * Solves the vertices of one build: each once, as soon as those it stands on are solved. The first that fails ends
 * them all, with its error.
 */
export class Solver {
  readonly #work: SolverWork;
  readonly #options: SolverOptions;
  readonly #failed = new AbortController();
  readonly #signal: AbortSignal;
  readonly #sources: Sources;
  readonly #cache: VertexCache;
  readonly #fetched: FetchedSources;
  readonly #solved = new Map<Operation, Promise<Solved>>();
  readonly #logs = new Map<Operation, PromiseWithResolvers<StepLog | undefined>>();

  constructor(work: SolverWork, options: SolverOptions) {
    this.#work = work;
    this.#options = options;
    this.#signal = AbortSignal.any([options.signal, this.#failed.signal]);
    this.#cache = new VertexCache(work, options);
    const { session, reading, permit } = options;
    const fetching = { downloads: work.downloads, reading, permit, signal: this.#signal };
    this.#fetched = new FetchedSources({ ...fetching, ...(session && { session }) });
    this.#sources = new Sources(work.sources, {
      layersOf: (vertex) => this.layersOf(vertex),
      fetch: (source) => this.#fetched.fetch(source),
    });
  }

  /** Starts it and what it stands on. A later {@link solve} gets its error. */
  start(vertex: Operation): void {
    this.solve(vertex).catch(() => undefined);
  }

  /** True if a step without a vertex led to this image before. */
  isKnown(id: Digest): boolean {
    return this.#cache.isKnown(id);
  }

  /** Starts it and what it stands on, where they are not started. */
  solve(vertex: Operation): Promise<Solved> {
    const known = this.#solved.get(vertex);
    if (known) return known;
    const solved = this.#solve(vertex);
    // The error reaches those that ask for the vertex, and everything above it.
    solved.catch(() => this.#logOf(vertex).resolve(undefined));
    this.#solved.set(vertex, solved);
    return solved;
  }

  /** Solves all vertices. */
  async layersOfAll(vertices: readonly Vertex[]): Promise<void> {
    await Promise.all(vertices.map((vertex) => this.layersOf(vertex)));
  }

  /** Bottom first. */
  async layersOf(vertex: Vertex): Promise<readonly ImageLayer[]> {
    if (vertex.kind === 'base') return vertex.layers;
    const [{ layer }, below] = await Promise.all([this.solve(vertex), this.layersOf(vertex.parent)]);
    if (vertex.kind === 'merge') {
      const above = await Promise.all(vertex.above.map((input) => this.layersOf(input)));
      return [...below, ...above.flat()];
    }
    const more = vertex.kind === 'diff' ? await this.#layersBetween(vertex) : undefined;
    return more ?? (layer ? [...below, layer] : below);
  }

  /** The layers of `upper` above `lower`; undefined where it does not stand on it. */
  async #layersBetween({ lower, upper }: DiffVertex): Promise<readonly ImageLayer[] | undefined> {
    const [below, all] = await Promise.all([this.layersOf(lower), this.layersOf(upper)]);
    return below.every(({ diffId }, index) => all[index]?.diffId === diffId)
      ? all.slice(below.length)
      : undefined;
  }

  /** The vertex's output while it is solved; undefined if there is nothing to do for it. */
  log(vertex: Operation): Promise<StepLog | undefined> {
    return this.#logOf(vertex).promise;
  }

  #logOf(vertex: Operation): PromiseWithResolvers<StepLog | undefined> {
    const log = this.#logs.get(vertex) ?? Promise.withResolvers<StepLog | undefined>();
    this.#logs.set(vertex, log);
    return log;
  }

  async #solve(vertex: Operation): Promise<Solved> {
    try {
      const solved = await this.#lookUpOrMake(vertex);
      this.#options.observer?.ends(vertex, { kind: solved.cached ? 'cached' : 'solved' });
      return solved;
    } catch (error) {
      throw this.#fail(vertex, error);
    }
  }

  async #lookUpOrMake(vertex: Operation): Promise<Solved> {
    if (vertex.kind === 'output') return await this.#outputOf(vertex);
    if (vertex.kind === 'merge' || (vertex.kind === 'diff' && (await this.#layersBetween(vertex)))) {
      await this.layersOfAll(inputsOf(vertex));
      this.#options.observer?.starts(vertex);
      return { createdAtMs: Date.now(), cached: false };
    }
    const [below, checksum] = await Promise.all([
      this.layersOf(vertex.parent),
      this.#sources.checksum(vertex),
    ]);
    this.#signal.throwIfAborted();
    this.#options.observer?.starts(vertex);
    const key = vertexKey(vertex, below, checksum);
    this.#cache.know(vertex, key);
    const known =
      (await this.#cache.find(vertex, key)) ?? (await this.#cache.findOutside(vertex, key, this.#signal));
    if (known) {
      this.#logOf(vertex).resolve(undefined);
      return { ...known, cached: true };
    }
    const solved = await this.#make(vertex, below, key);
    this.#cache.protect(solved);
    return solved;
  }

  /** @returns the error of the whole build: that of the vertex which failed first */
  #fail(vertex: Operation, error: unknown): unknown {
    const { observer, explain } = this.#options;
    if (this.#signal.aborted) {
      observer?.ends(vertex, { kind: 'canceled' });
      return this.#signal.reason;
    }
    const failure = explain ? explain(vertex, error) : error;
    observer?.ends(vertex, { kind: 'failed', error: failure });
    this.#failed.abort(failure);
    return failure;
  }

  /** Undefined: the source was not needed. */
  fetched(source: RemoteFiles): Promise<LocalFiles> | undefined {
    return this.#fetched.get(source);
  }

  /** An output is solved with its command. */
  async #outputOf(vertex: OutputVertex): Promise<Solved> {
    const { outputs, createdAtMs, cached } = await this.solve(vertex.of);
    const layer = outputs?.get(vertex.number);
    const key = this.#cache.keyOf(vertex.of);
    if (key !== undefined) this.#cache.know(vertex, outputKey(key, vertex.number));
    return { ...(layer && { layer }), createdAtMs, cached };
  }

  /** What is solved of these vertices and what they stand on; by default of all. For caches outside the engine. */
  async solvedRecords(results?: readonly Vertex[]): Promise<readonly SolvedRecord[]> {
    const vertices = results
      ? results.flatMap((vertex) => [...operationsBelow(vertex)])
      : this.#solved.keys();
    const records = [...new Set(vertices)].map(async (vertex) => {
      const { layer, createdAtMs } = await this.solve(vertex);
      const key = this.#cache.keyOf(vertex);
      const parent = this.#cache.keyOf(vertex.parent);
      const common = { ...(layer && { layer }), createdAtMs };
      return key === undefined ? [] : [{ key, ...common, ...(parent !== undefined && { parent }) }];
    });
    return (await Promise.all(records)).flat();
  }

  /** Makes a vertex together with other builds that want it at the same time, unless it is wanted anew. */
  async #make(vertex: SolvedAlone, below: readonly ImageLayer[], key: string): Promise<Solved> {
    const { work: solving, logs } = this.#work.shared;
    const flight = this.#cache.isFresh(vertex) || asksClient(vertex) ? newId() : key;
    const work = async (signal: AbortSignal) => {
      using _reading = filesTakenBy(vertex).length > 0 ? this.#options.reading.use() : undefined;
      // A log of its own: an execution that was canceled and ends only now has written into another.
      const log = new StepLog();
      logs.set(flight, log);
      try {
        // Another build may have made it since this one has looked for it.
        const made = await this.#cache.find(vertex, key);
        if (made) return { ...made, cached: true };
        return await this.#execute(vertex, { below, log, signal }, key);
      } finally {
        log.end();
        if (logs.get(flight) === log) logs.delete(flight);
      }
    };
    const solved = solving.do(flight, work, this.#signal);
    const log = logs.get(flight);
    this.#logOf(vertex).resolve(log);
    if (log) this.#options.observer?.logs(vertex, log);
    return await solved;
  }

  async #execute(vertex: SolvedAlone, work: Omit<VertexWork, 'lease'>, key: string): Promise<Solved> {
    await using lease = this.#work.leases.openLease();
    const { session } = this.#options;
    const all = { ...work, lease, ...(session && { session }) };
    const layers = await this.#work.vertices.solve(vertex, this.#sources, all);
    return this.#cache.remember(vertex, key, layers);
  }
}

/** The operations below a vertex, the topmost first. */
function* operationsBelow(vertex: Vertex): Generator<Operation, void> {
  const seen = new Set([vertex]);
  for (const at of seen) {
    if (at.kind === 'base') continue;
    yield at;
    for (const below of at.kind === 'merge' ? inputsOf(at) : [at.parent]) seen.add(below);
  }
}

/** A vertex that depends on a client is not shared, since the client may leave. */
function asksClient(vertex: Operation): boolean {
  if (vertex.kind !== 'exec') return false;
  return (vertex.mounts ?? []).some(({ kind }) => kind === 'secret' || kind === 'ssh');
}
