/** A client's graph, made ready to be solved. */
import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { EngineError } from '#base/errors.ts';
import { hostPlatform, parsePlatform } from '#oci/platform.ts';
import type { BuildProgress } from '../progress/build-progress.ts';
import type { BuildRequest } from '../build.ts';
import type { FileSource, LocalFiles, Vertex } from '../definition/vertex.ts';
import type { ContextWork } from '../contexts/context-source.ts';
import { SessionContext } from '../contexts/session-context.ts';
import type { Plan } from '../plan/plan.ts';
import type { BuildPlan } from '../plan/build-plan.ts';
import type { BaseImages } from '../bases/base-images.ts';
import { SourcePolicies } from '../policy/source-policies.ts';
import { receiving } from '../contexts/receiving.ts';
import { withPath } from '../plan/default-path.ts';
import type { Graph, GraphOperation } from './graph.ts';
import { planGraph } from './plan-graph.ts';
import { type DirectoryQuery, resolveSources } from './resolve-sources.ts';

export interface GraphWorkOptions {
  readonly request: BuildRequest;
  readonly bases: BaseImages;
  readonly progress: BuildProgress;
}

/** @throws {EngineError} `invalid` for what is not a graph, and what looking for its images says */
export async function openGraph(
  work: ContextWork,
  graph: Graph,
  { request, bases, progress }: GraphWorkOptions,
): Promise<BuildPlan> {
  await using undo = new AsyncDisposableStack();
  const directories = new GraphDirectories(work, request, undo);
  const sources = await resolveSources(graph, {
    bases,
    policies: new SourcePolicies(request.sourcePolicies),
    isResult: (identifier) => request.images?.has(identifier) === true,
    openDirectory: (operation, query) => directories.open(operation, query),
  });
  const { result, vertices } = planGraph(graph, { request, sources });
  const operations = new Map(
    [...vertices].flatMap(([operation, all]) => all.map((vertex) => [vertex, operation])),
  );
  const kept = undo.move();
  return {
    plans: [{ platform: platformFor(request), plan: { ...planOf(result, request), graph } }],
    steps: [],
    receive: () => directories.receive(progress),
    declare: (to) => {
      for (const [operation, all] of vertices)
        if (operation.work.kind !== 'source' || isFetched(operation, sources))
          to.declareAs(all, {
            digest: operation.digest,
            name: operation.name,
            inputs: operation.inputs.map((input) => input.operation.digest),
          });
    },
    isFresh: (vertex) => {
      const operation = operations.get(vertex);
      return operation?.isFresh === true && !request.done?.has(operation.digest);
    },
    placeOf: (vertex) => operations.get(vertex)?.place,
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

/** Images and the client's directories are told elsewhere, before. */
function isFetched(operation: GraphOperation, sources: ReadonlyMap<GraphOperation, FileSource>): boolean {
  const kind = sources.get(operation)?.kind;
  return kind !== 'base' && kind !== 'local';
}

function platformFor({ platforms: [text] = [] }: BuildRequest) {
  return text === undefined ? hostPlatform() : parsePlatform(text);
}

/** Clients say what the image is when they return it. */
function planOf(vertex: Vertex, request: BuildRequest): Plan {
  const { os, architecture, variant } = platformFor(request);
  const base = { os, architecture, ...(variant !== undefined && { variant }), history: [] };
  const config = withPath({ WorkingDir: '/' });
  const image = { base, vertex, config, history: [], tellsLayers: true } as const;
  return { source: { name: '', text: '' }, steps: [], result: image, scanTargets: [], contexts: new Map() };
}

/** Directories of the client's that a graph names, each received as a whole. */
class GraphDirectories {
  readonly #work: ContextWork;
  readonly #request: BuildRequest;
  readonly #undo: AsyncDisposableStack;
  readonly #roots: string[] = [];
  readonly #opened = new Map<
    GraphOperation,
    { readonly context: SessionContext; readonly query: DirectoryQuery }
  >();

  constructor(work: ContextWork, request: BuildRequest, undo: AsyncDisposableStack) {
    this.#work = work;
    this.#request = request;
    this.#undo = undo;
    undo.defer(async () => {
      for (const root of this.#roots) await rm(root, { recursive: true, force: true });
    });
  }

  open(operation: GraphOperation, query: DirectoryQuery): LocalFiles {
    const { session, signal } = this.#request;
    if (!session)
      throw new EngineError('invalid', `Cannot read ${operation.name}: the client has no session`);
    const { includePatterns } = query;
    const context = new SessionContext(this.#work, session, query.directory, {
      makeRoot: () => this.#makeRoot(),
      includePatterns,
      signal,
    });
    this.#undo.use(context);
    this.#opened.set(operation, { context, query });
    return context.files(query.excludePatterns);
  }

  async receive(progress: BuildProgress): Promise<void> {
    await Promise.all(
      [...this.#opened].map(async ([{ name, digest }, { context, query }]) => {
        const work = receiving(context, query.followPaths, query.directory);
        await progress.during(name, work, { digest });
      }),
    );
  }

  #makeRoot(): string {
    const root = mkdtempSync(join(this.#work.workDirectory, 'graph-'));
    this.#roots.push(root);
    return root;
  }
}
