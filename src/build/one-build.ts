/** One build, from its request to what has become of it. */
import { abortable } from '#base/abortable.ts';
import { EngineError } from '#base/errors.ts';
import { UseCount } from '#base/use-count.ts';
import type { Lease } from '#store/content.ts';
import { asksForPackages, attest, checkAttestations, findScanner } from './attest/attestations.ts';
import type { ScannerImage } from './attest/scanner-image.ts';
import { type BaseImageWork, BaseImages } from './bases/base-images.ts';
import { resolveImage } from './bases/resolve-image.ts';
import type { BuildRequest, StepEvent } from './build.ts';
import type { BuildCache } from './cache/build-cache.ts';
import type { CacheTransferWork } from './cache-transfer/cache-transfer.ts';
import { checkCaches, exportCaches } from './cache-transfer/export-caches.ts';
import { importCaches } from './cache-transfer/import-caches.ts';
import { inlineCacheOf } from './cache-transfer/inline-cache.ts';
import { openInputs } from './contexts/build-context.ts';
import type { ContextWork } from './contexts/context-source.ts';
import type { Solved } from './definition/vertex.ts';
import { assembleImage } from './export/assemble-image.ts';
import { outcomeOf } from './export/build-outcome.ts';
import { checkOutputs, exportOutputs } from './export/export-outputs.ts';
import type { ExportWork, RunTask } from './export/one-export.ts';
import type { BuildOutcome } from './export/outcome.ts';
import { squashOutcome, type SquashWork } from './export/squash.ts';
import { openGraph } from './graph/open-graph.ts';
import { permittedFiles } from './policy/permitted-sources.ts';
import { SourcePolicies } from './policy/source-policies.ts';
import type { BuildPlan } from './plan/build-plan.ts';
import { answerSubrequest } from './plan/check-dockerfile.ts';
import { openDockerfile } from './plan/open-dockerfile.ts';
import type { Operation, Plan } from './plan/plan.ts';
import type { BuildProgress } from './progress/build-progress.ts';
import { stepErrors } from './progress/step-errors.ts';
import { OpenSolveBridge, type ResultFiles } from './solve/solve-bridge.ts';
import { Solver, type SolverWork } from './solve/solver.ts';

/** What each room works with. */
export interface BuildRooms {
  readonly contexts: ContextWork;
  readonly bases: BaseImageWork;
  readonly solver: SolverWork;
  readonly results: ResultFiles & SquashWork;
  readonly exports: ExportWork;
  readonly caches: CacheTransferWork;
}

export interface BuildOptions {
  /** Aborted when the build ends, and with it the work that no other build waits for. */
  readonly left: AbortController;
  readonly progress: BuildProgress;
}

interface BegunBuild extends BuildOptions {
  readonly request: BuildRequest;
  readonly startedAtMs: number;
  /** Protects what the build stands on and makes. */
  readonly lease: Lease;
  readonly bases: BaseImages;
  readonly during: RunTask;
}

/** @throws {EngineError} what the build fails with */
export async function* runBuild(
  rooms: BuildRooms,
  request: BuildRequest,
  { left, progress }: BuildOptions,
): AsyncGenerator<StepEvent, void> {
  checkOutputs(request);
  checkCaches(request);
  checkAttestations(request);
  const startedAtMs = Date.now();
  const during: RunTask = (name, work) => progress.during(name, work);
  await using lease = rooms.solver.leases.openLease();
  const bases = new BaseImages(rooms.bases, { request, progress, lease });
  const answer = await answerOf(rooms, request, bases, during);
  if (answer) yield { type: 'built', references: [], response: answer };
  else yield* solveAndExport(rooms, { request, startedAtMs, lease, bases, during, left, progress });
}

/** What is asked for instead of a build; undefined: a build is. */
async function answerOf(
  { exports, bases: { images }, contexts }: BuildRooms,
  request: BuildRequest,
  bases: BaseImages,
  during: RunTask,
): Promise<Readonly<Record<string, string>> | undefined> {
  const { resolve, subrequest } = request;
  if (resolve) return await resolveImage({ images, content: exports.packing.content }, bases, resolve);
  if (!subrequest) return undefined;
  await using inputs = await openInputs(contexts, request, during);
  return answerSubrequest(inputs, subrequest, request, (image) => bases.known(image));
}

async function* solveAndExport(rooms: BuildRooms, build: BegunBuild): AsyncGenerator<StepEvent, void> {
  const { request, lease, bases, during, left, progress } = build;
  await using plan = request.graph
    ? await openGraph(rooms.contexts, request.graph, { request, bases, progress })
    : await openDockerfile(rooms.contexts, request, { bases, progress });
  // What still runs, for other builds too, ends before what it reads is removed.
  const reading = new UseCount();
  await using _read = { [Symbol.asyncDispose]: () => reading.unused() };
  using stack = new DisposableStack();
  stack.defer(() => left.abort(new EngineError('aborted', 'Cannot build image: the client has left')));
  const scanner = await findScanner(request, (image) => bases.get(image));
  const { noCache, session, signal } = request;
  const policies = new SourcePolicies(request.sourcePolicies);
  const imported = await importCaches(rooms.caches, request, during);
  const received = plan.receive({ scans: asksForPackages(request) });
  plan.declare(progress);
  await received;
  using uses = rooms.solver.cache.openUses();
  const solver = new Solver(rooms.solver, {
    lease,
    noCache,
    uses,
    reading,
    signal,
    observer: progress,
    explain: stepErrors((vertex) => plan.placeOf(vertex)),
    // A graph's sources have been judged with the attributes that only the graph has.
    permit: (source) => (request.graph ? source : permittedFiles(policies, source)),
    ...(session && { session }),
    ...(imported && { imported }),
    isFresh: (vertex) => plan.isFresh(vertex),
  });
  if (request.tell !== 'graph') yield* solveSteps(rooms.solver.cache, solver, plan.steps);
  const outcome = await ledOutcome(rooms.results, solver, plan, request);
  if (outcome) yield await exportAll(rooms, build, { plan, solver, outcome, scanner });
}

/** What the client wants of the result, where it leads the build; undefined: nothing is exported. */
async function ledOutcome(
  results: ResultFiles,
  solver: Solver,
  { plans }: BuildPlan,
  request: BuildRequest,
): Promise<BuildOutcome | undefined> {
  const bridge = new OpenSolveBridge(results, async () => {
    await solver.layersOfAll(plans.map(({ plan }) => plan.result.vertex));
    return await outcomeOf(solver, plans, request);
  });
  return request.lead ? await abortable(request.lead(bridge), request.signal) : await bridge.solve();
}

interface SolvedBuild {
  readonly plan: BuildPlan;
  readonly solver: Solver;
  readonly outcome: BuildOutcome;
  readonly scanner: ScannerImage | undefined;
}

async function exportAll(
  rooms: BuildRooms,
  { request, startedAtMs, lease, bases, during, progress }: BegunBuild,
  { plan: { plans }, solver, outcome, scanner }: SolvedBuild,
): Promise<StepEvent> {
  const { signal } = request;
  const squashed = request.squash ? await squashOutcome(rooms.results, outcome, { lease, signal }) : outcome;
  const { trees } = rooms.results;
  const attested = await attest(squashed, {
    trees,
    request,
    plans,
    images: bases.used,
    startedAtMs,
    solver,
    progress,
    ...(scanner && { scanner }),
  });
  const all = await solver.solvedRecords();
  const results = await solver.solvedRecords(plans.map(({ plan }) => plan.result.vertex));
  const hasInline = request.cacheTo?.some(({ type }) => type === 'inline');
  const inline = hasInline ? { inlineCache: inlineCacheOf(results) } : {};
  const place = { work: rooms.exports, request, lease, outcome: attested, ...inline };
  const exported = await exportOutputs(place, during);
  const cached = await exportCaches({ work: rooms.caches, request, lease, solved: { all, results } }, during);
  return { type: 'built', ...exported, response: { ...exported.response, ...cached } };
}

/** Starts everything at once; each vertex waits only for what it stands on. Events come step by step. */
async function* solveSteps(
  cache: Pick<BuildCache, 'set'>,
  solver: Solver,
  steps: Plan['steps'],
): AsyncGenerator<StepEvent, void> {
  for (const { vertex } of steps) if (vertex) solver.start(vertex);
  for (const [index, step] of steps.entries()) {
    yield { type: 'step', number: index + 1, total: steps.length, text: step.text };
    const solved = step.vertex && (yield* followVertex(solver, step.vertex));
    const { id } = await assembleImage(solver, step.image);
    const cached = solved ? solved.cached : !step.isBase && solver.isKnown(id);
    if (!solved) cache.set(id, { createdAtMs: Date.now() });
    yield { type: 'stepped', id, cached };
  }
}

async function* followVertex(solver: Solver, vertex: Operation): AsyncGenerator<StepEvent, Solved> {
  const log = await solver.log(vertex);
  for await (const { stream, data } of log?.read() ?? []) yield { type: 'output', stream, data };
  return await solver.solve(vertex);
}
