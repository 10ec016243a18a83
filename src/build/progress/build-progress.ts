/** A build told as a graph: which vertices there are, when each starts and ends, what it says and what moves in it. */
import { createHash } from 'node:crypto';
import { newId } from '#base/ids.ts';
import { type Digest, parseDigest } from '#oci/digest.ts';
import type { PullProgress } from '#image/image-progress.ts';
import type { VertexObserver, VertexOutcome } from '../solve/solver.ts';
import {
  type BuildEvent,
  type BuildRequest,
  type BuildWarning,
  type GraphEvent,
  type StepEvent,
  type VertexFailure,
  type VertexProgress,
  type VertexStatus,
} from '../build.ts';
import type { Vertex } from '../definition/vertex.ts';
import type { Operation, Plan, PlannedStep } from '../plan/plan.ts';
import { type Movement, movementOf } from './pull-movement.ts';
import { filesTakenBy } from '../definition/vertex-inputs.ts';
import type { StepLog } from '../solve/step-log.ts';
import { formatPlatform } from '#dockerfile/stages/scopes.ts';
import { stepNames } from '../plan/step-names.ts';

/** Where events go. */
export interface BuildListener {
  push(event: BuildEvent): void;
  /** Resolves when more output may follow. */
  room(): Promise<void>;
}

/** A vertex that is no step of the Dockerfile: it names the context, looks for an image, exports. */
export interface ProgressTask {
  readonly vertex: Digest;
  readonly moves: (movement: Movement) => void;
}

/** The context, by which COPY says where its files come from. */
export const CONTEXT_TASK = '[internal] load build context';

export function dockerfileTask(path: string): string {
  return `[internal] load build definition from ${path}`;
}

const CANCELED: VertexFailure = { kind: 'canceled' };

export class BuildProgress implements VertexObserver {
  readonly #listener: BuildListener;
  readonly #signal: AbortSignal;
  readonly #tell: BuildRequest['tell'];
  readonly #done: ReadonlySet<string>;
  readonly #buildId = newId();
  readonly #statuses = new Map<Vertex, VertexStatus>();
  readonly #tasks = new Map<string, Digest>();
  /** By {@link baseKey}. */
  readonly #bases = new Map<string, VertexStatus>();
  /** By vertex and id, as they were told last. */
  readonly #movements = new Map<string, Pick<VertexProgress, 'startedAtMs' | 'current' | 'total'>>();
  readonly #telling = new Map<Operation, Promise<void>>();
  #count = 0;

  /** @param request whose signal ends the waiting for output: others may go on with what this build has left */
  constructor(
    listener: BuildListener,
    { signal, tell, done = new Set() }: Pick<BuildRequest, 'signal' | 'tell' | 'done'>,
  ) {
    this.#listener = listener;
    this.#signal = signal;
    this.#tell = tell;
    this.#done = done;
  }

  /** Tells a step as the classic builder does. */
  step(event: StepEvent): void {
    if (this.#tell !== 'graph' || event.type === 'built') this.#listener.push(event);
  }

  /** Tells of `work` as a vertex of its own while it lasts. */
  async during<T>(
    name: string,
    work: (task: ProgressTask) => Promise<T>,
    known: Pick<VertexStatus, 'digest'> = this.#newStatus(name),
  ): Promise<T> {
    const status = { inputs: [], name, cached: false, ...known, startedAtMs: Date.now() };
    const { digest } = status;
    this.#tasks.set(name, digest);
    this.#update(status);
    try {
      const result = await work({ vertex: digest, moves: (movement) => this.#move(digest, movement) });
      this.#update({ ...status, completedAtMs: Date.now() });
      return result;
    } catch (error) {
      const failure = this.#signal.aborted ? CANCELED : ({ kind: 'failed', error } as const);
      this.#update({ ...status, completedAtMs: Date.now(), failure });
      throw error;
    }
  }

  /** Tells which steps there are; bases are there already. */
  declare({ steps }: Pick<Plan, 'steps'>): void {
    for (const [step, name] of stepNames(steps)) {
      const vertex = step.vertex ?? step.image.vertex;
      if (this.#statuses.has(vertex)) continue;
      if (vertex.kind === 'base') this.#declareBase(vertex, name, baseKey(step));
      else this.#update({ ...this.#newStatus(name), inputs: this.#inputsOf(vertex) }, vertex);
    }
  }

  /** Tells of one operation that a client knows by a digest of its own, whatever vertices it is; bases are there. */
  declareAs(vertices: readonly Vertex[], known: Pick<VertexStatus, 'digest' | 'name' | 'inputs'>): void {
    const status = { ...known, cached: false };
    const areBases = vertices.every(({ kind }) => kind === 'base');
    const atMs = Date.now();
    const told = areBases ? { ...status, startedAtMs: atMs, completedAtMs: atMs, cached: true } : status;
    for (const vertex of vertices) this.#statuses.set(vertex, told);
    this.#push({ type: 'vertex', vertex: told });
  }

  /** Tells of a vertex that is no step of the Dockerfile; to be called before it is solved. */
  declareOperation(vertex: Operation, name: string): void {
    this.#update({ ...this.#newStatus(name), inputs: this.#inputsOf(vertex) }, vertex);
  }

  /** Stages that begin with the same image begin with one vertex. */
  #declareBase(vertex: Vertex, name: string, key: string): void {
    const known = this.#bases.get(key);
    if (known) {
      this.#statuses.set(vertex, known);
      return;
    }
    const status = this.#newStatus(name);
    const atMs = Date.now();
    const completed = { ...status, startedAtMs: atMs, completedAtMs: atMs, cached: true };
    this.#bases.set(key, completed);
    this.#update(status);
    this.#update(completed, vertex);
  }

  /** The progress of an image's pull, as a step and as something that moves. */
  pulls(task: ProgressTask, progress: PullProgress): void {
    this.step({ type: 'pulling', progress });
    const movement = movementOf(progress);
    if (movement) task.moves(movement);
  }

  /** Tells a warning about the Dockerfile, as part of reading it. */
  warn(warning: BuildWarning): void {
    const vertex = this.#tasks.get(dockerfileTask(warning.file));
    if (vertex) this.#push({ type: 'warning', vertex, warning });
  }

  starts(vertex: Operation): void {
    const status = this.#statuses.get(vertex);
    if (status) this.#update({ ...status, startedAtMs: Date.now() }, vertex);
  }

  logs(vertex: Operation, log: StepLog): void {
    const status = this.#statuses.get(vertex);
    if (status && this.#tell !== 'steps') this.#telling.set(vertex, this.#tellOutput(status.digest, log));
  }

  ends(vertex: Operation, outcome: VertexOutcome): void {
    const status = this.#statuses.get(vertex);
    if (!status || (outcome.kind === 'canceled' && status.startedAtMs === undefined)) return;
    const completedAtMs = Date.now();
    const ended = {
      ...status,
      startedAtMs: status.startedAtMs ?? completedAtMs,
      completedAtMs,
      cached: outcome.kind === 'cached',
      ...((outcome.kind === 'failed' || outcome.kind === 'canceled') && { failure: outcome }),
    };
    const output = this.#telling.get(vertex) ?? Promise.resolve();
    this.#telling.set(
      vertex,
      output.then(() => this.#update(ended, vertex)),
    );
  }

  /** Resolves when the output of what has ended is told. */
  async settled(): Promise<void> {
    await Promise.all(this.#telling.values());
  }

  async #tellOutput(vertex: Digest, log: StepLog): Promise<void> {
    // Another build may have begun the work before this one wanted it.
    const startedAtMs = Date.now();
    for await (const { atMs, stream, data } of log.read(this.#signal)) {
      this.#push({ type: 'vertex-output', vertex, atMs: Math.max(atMs, startedAtMs), stream, data });
      await this.#listener.room();
    }
  }

  #inputsOf(vertex: Vertex): readonly Digest[] {
    if (vertex.kind === 'base') return [];
    const below = this.#statuses.get(vertex.parent);
    const digests = filesTakenBy(vertex).map(({ source }) => {
      if (source.kind === 'http' || source.kind === 'git') return undefined;
      return source.kind === 'local' ? this.#tasks.get(CONTEXT_TASK) : this.#statuses.get(source)?.digest;
    });
    return [...new Set([below?.digest, ...digests].flatMap((digest) => digest ?? []))];
  }

  #newStatus(name: string): VertexStatus {
    this.#count += 1;
    const hash = createHash('sha256').update(`${this.#buildId} ${this.#count} ${name}`).digest('hex');
    return { digest: parseDigest(`sha256:${hash}`), inputs: [], name, cached: false };
  }

  #update(status: VertexStatus, vertex?: Vertex): void {
    if (vertex) this.#statuses.set(vertex, status);
    this.#push({ type: 'vertex', vertex: status });
  }

  #push(event: GraphEvent): void {
    const digest = event.type === 'vertex' ? event.vertex.digest : event.vertex;
    if (this.#tell !== 'steps' && !this.#done.has(digest)) this.#listener.push(event);
  }

  #move(vertex: Digest, { id, name, current, total, isDone = false }: Movement): void {
    const atMs = Date.now();
    const key = `${vertex} ${id}`;
    const before = this.#movements.get(key) ?? { startedAtMs: atMs, current: 0, total: 0 };
    const now = {
      startedAtMs: before.startedAtMs,
      current: current ?? (isDone ? before.total || before.current : before.current),
      total: total ?? before.total,
    };
    this.#movements.set(key, now);
    const end = isDone ? { completedAtMs: atMs } : {};
    const progress = { id, ...(name !== undefined && { name }), ...now, ...end };
    this.#push({ type: 'vertex-progress', vertex, progress });
  }
}

/** The same image for the same platform. */
function baseKey({ platform, stage, title = '' }: PlannedStep): string {
  return `${title} ${stage.platform ? formatPlatform(stage.platform) : (platform ?? '')}`;
}
