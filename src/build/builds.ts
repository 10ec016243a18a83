import { mkdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { EngineError } from '#base/errors.ts';
import { KeyedLock } from '#base/keyed-lock.ts';
import { Semaphore } from '#base/semaphore.ts';
import { SharedWork } from '#base/shared-work.ts';
import { NO_FILTERS } from '#base/filters.ts';
import { asksForPackages, attest, checkAttestations, findScanner } from './attest/attestations.ts';
import { assembleImage } from './export/assemble-image.ts';
import { CACHES, CONTEXTS, DOWNLOADS, openInputs, removeFormerContexts } from './contexts/build-context.ts';
import type { BuildParts, BuildsDependencies } from './build-parts.ts';
import { BuildProgress } from './progress/build-progress.ts';
import { BaseImages } from './bases/base-images.ts';
import { squashOutcome } from './export/squash.ts';
import { BuildRun } from './solve/solver.ts';
import type { BuildEvent, BuildRequest, Builds, StepEvent } from './build.ts';
import type { Solved } from './definition/vertex.ts';
import { buildCacheMigrations } from './cache/build-cache.ts';
import { CacheDirectories } from './cache/cache-directories.ts';
import { cacheDirectoryMigrations } from './cache/cache-directory-table.ts';
import { checkCaches, exportCaches } from './cache-transfer/export-caches.ts';
import { importCaches } from './cache-transfer/import-caches.ts';
import { inlineCacheOf } from './cache-transfer/inline-cache.ts';
import { Checksums } from './cache/checksums.ts';
import { ContextStore } from './contexts/context-store.ts';
import { BuilderDisk, type PruneRequest } from './disk/builder-disk.ts';
import { syncedContexts } from './disk/synced-contexts.ts';
import { cacheMounts } from './disk/cache-mounts.ts';
import { downloadedFiles } from './disk/downloaded-files.ts';
import type { CacheRecord } from './disk/cache-records.ts';
import type { PruneReport } from './disk/prune-cache.ts';
import { openDockerfile } from './plan/open-dockerfile.ts';
import { abortable } from '#base/abortable.ts';
import { EventChannel } from '#base/event-channel.ts';
import { outcomeOf } from './export/build-outcome.ts';
import { checkOutputs, exportOutputs, type RunTask } from './export/export-outputs.ts';
import { FileWorkers } from './files/file-workers.ts';
import { HeldBuild } from './solve/held-build.ts';
import { UseCount } from '#base/use-count.ts';
import { openGraph } from './graph/open-graph.ts';
import { answerSubrequest } from './plan/check-dockerfile.ts';
import type { Operation, Plan } from './plan/plan.ts';
import { Downloads } from './remote/downloads.ts';
import { resolveImage } from './bases/resolve-image.ts';
import { stepErrors } from './progress/step-errors.ts';

export { BuildCache } from './cache/build-cache.ts';

/** The tables of this domain. */
export const buildMigrations = [buildCacheMigrations, cacheDirectoryMigrations] as const;

/** Commands wait more than they compute. */
const COMMANDS_PER_CORE = 4;

/** Opens the builder, and removes what builds of a former process have left. The caller disposes it. */
export async function createBuilds(dependencies: BuildsDependencies): Promise<EngineBuilds> {
  const { logger, workDirectory } = dependencies;
  mkdirSync(workDirectory, { recursive: true, mode: 0o700 });
  await removeFormerContexts(workDirectory);
  const files = new FileWorkers();
  const caches = new CacheDirectories({ ...dependencies, files, directory: join(workDirectory, CACHES) });
  const downloads = new Downloads({ files, directory: join(workDirectory, DOWNLOADS) });
  await Promise.all([caches.recover(), downloads.recover()]);
  return new EngineBuilds({
    ...dependencies,
    files,
    solving: new SharedWork(),
    logs: new Map(),
    checksums: new Checksums(),
    contexts: new ContextStore({ directory: join(workDirectory, CONTEXTS), logger }),
    caches,
    downloads,
    pulls: new KeyedLock(),
    commands: new Semaphore(availableParallelism() * COMMANDS_PER_CORE),
  });
}

/** See {@link createBuilds}. Disposing it cancels what is being built. */
export class EngineBuilds implements Builds, AsyncDisposable {
  readonly #parts: BuildParts;
  readonly #disk: BuilderDisk;
  readonly #closing = new AbortController();
  readonly #running = new Set<Promise<void>>();

  constructor(parts: BuildParts) {
    this.#parts = parts;
    this.#disk = new BuilderDisk(parts, [
      cacheMounts(parts.caches),
      downloadedFiles(parts.downloads),
      syncedContexts(parts.contexts),
    ]);
  }

  async *build(request: BuildRequest): AsyncGenerator<BuildEvent, void> {
    const left = new AbortController();
    const signal = AbortSignal.any([request.signal, left.signal, this.#closing.signal]);
    const channel = new EventChannel<BuildEvent>();
    const ended = this.#tell({ ...request, signal }, left, channel);
    this.#running.add(ended);
    try {
      yield* channel;
    } finally {
      left.abort(new EngineError('aborted', 'Cannot build image: nobody waits for it any more'));
      await ended;
      this.#running.delete(ended);
      this.#disk.collectSoon();
    }
  }

  /** Builds, telling what is wanted; never rejects. */
  async #tell(
    request: BuildRequest,
    left: AbortController,
    channel: EventChannel<BuildEvent>,
  ): Promise<void> {
    const progress = new BuildProgress(channel, request);
    try {
      for await (const event of this.#build(request, left, progress)) {
        if (event.type === 'built') await progress.settled();
        progress.step(event);
        await channel.room();
      }
      channel.end();
    } catch (error) {
      await progress.settled();
      channel.end({ error });
    }
  }

  prune(request: PruneRequest = { filters: NO_FILTERS, all: true, keepBytes: 0 }): Promise<PruneReport> {
    return this.#disk.prune(request);
  }

  cacheRecords(): readonly CacheRecord[] {
    return this.#disk.records();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(new EngineError('aborted', 'Cannot build image: the engine stops'));
    await Promise.all(this.#running);
    await this.#parts.solving.settled();
    await this.#disk[Symbol.asyncDispose]();
    await this.#parts.contexts[Symbol.asyncDispose]();
    await this.#parts.caches[Symbol.asyncDispose]();
    await this.#parts.files[Symbol.asyncDispose]();
  }

  async *#build(
    request: BuildRequest,
    left: AbortController,
    progress: BuildProgress,
  ): AsyncGenerator<StepEvent, void> {
    checkOutputs(request);
    checkCaches(request);
    checkAttestations(request);
    const startedAtMs = Date.now();
    const during: RunTask = (name, work) => progress.during(name, work);
    await using lease = this.#parts.images.openLease();
    const bases = new BaseImages(this.#parts, { request, progress, lease });
    if (request.resolve) {
      const response = await resolveImage(this.#parts, bases, request.resolve);
      yield { type: 'built', references: [], response };
      return;
    }
    if (request.subrequest) {
      await using inputs = await openInputs(this.#parts, request, during);
      const response = answerSubrequest(inputs, request.subrequest, request, (image) => bases.known(image));
      yield { type: 'built', references: [], response };
      return;
    }
    await using work = request.graph
      ? await openGraph(this.#parts, request.graph, { request, bases, progress })
      : await openDockerfile(this.#parts, request, { bases, progress });
    // What still runs, for other builds too, ends before what it reads is removed.
    const reading = new UseCount();
    await using _read = { [Symbol.asyncDispose]: () => reading.unused() };
    using stack = new DisposableStack();
    stack.defer(() =>
      left.abort(new EngineError('aborted', 'Cannot build image: nobody waits for it any more')),
    );
    const { plans, steps } = work;
    const scanner = await findScanner(request, (image) => bases.get(image));
    const { noCache, session, signal } = request;
    const imported = await importCaches(this.#parts, request, during);
    const received = work.receive({ scans: asksForPackages(request) });
    work.declare(progress);
    await received;
    const explain = stepErrors((vertex) => work.placeOf(vertex));
    using uses = this.#parts.cache.openUses();
    const common = { lease, noCache, uses, reading, signal, observer: progress, explain };
    const run = new BuildRun(this.#parts, {
      ...common,
      ...(session && { session }),
      ...(imported && { imported }),
      isFresh: (vertex) => work.isFresh(vertex),
    });
    if (request.tell !== 'graph') yield* solvePlan(this.#parts, run, steps);
    const held = new HeldBuild(this.#parts, async () => {
      await run.layersOfAll(plans.map(({ plan }) => plan.result.vertex));
      return await outcomeOf(run, plans, request);
    });
    const solved = request.hold ? await abortable(request.hold(held), signal) : await held.solve();
    if (!solved) return;
    const outcome = request.squash ? await squashOutcome(this.#parts, solved, { lease, signal }) : solved;
    const images = bases.used;
    const facts = { parts: this.#parts, request, plans, images, startedAtMs, run, progress };
    const attested = await attest(outcome, { ...facts, ...(scanner && { scanner }) });
    const all = await run.solvedRecords();
    const results = await run.solvedRecords(plans.map(({ plan }) => plan.result.vertex));
    const hasInline = request.cacheTo?.some(({ type }) => type === 'inline');
    const place = { parts: this.#parts, request, lease };
    const inline = hasInline ? { inlineCache: inlineCacheOf(results) } : {};
    const exported = await exportOutputs({ ...place, outcome: attested, ...inline }, during);
    const cached = await exportCaches({ ...place, solved: { all, results } }, during);
    yield { type: 'built', ...exported, response: { ...exported.response, ...cached } };
  }
}

/** Everything starts at once, and waits only for what it stands on; it is told step by step. */
async function* solvePlan(
  { cache }: BuildParts,
  run: BuildRun,
  steps: Plan['steps'],
): AsyncGenerator<StepEvent, void> {
  for (const { vertex } of steps) if (vertex) run.start(vertex);
  for (const [index, step] of steps.entries()) {
    yield { type: 'step', number: index + 1, total: steps.length, text: step.text };
    const solved = step.vertex && (yield* followVertex(run, step.vertex));
    const { id } = await assembleImage(run, step.image);
    const cached = solved ? solved.cached : !step.isBase && run.isKnown(id);
    if (!solved) cache.set(id, { createdAtMs: Date.now() });
    yield { type: 'stepped', id, cached };
  }
}

async function* followVertex(run: BuildRun, vertex: Operation): AsyncGenerator<StepEvent, Solved> {
  const log = await run.log(vertex);
  for await (const { stream, data } of log?.read() ?? []) yield { type: 'output', stream, data };
  return await run.solve(vertex);
}
