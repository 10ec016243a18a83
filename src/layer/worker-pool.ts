/**
 * Threads for what would hold up the event loop: unpacking, walking trees, packing. They start when first needed and
 * stop when idle, for a thread at rest still costs megabytes.
 */
import { availableParallelism } from 'node:os';
import { type Transferable, Worker } from 'node:worker_threads';
import { EngineError } from '#base/errors.ts';
import { Semaphore } from '#base/semaphore.ts';
import { workerModule } from '#base/worker-module.ts';
import { returnFreedMemory } from '#linux/memory.ts';
import type { JobAnswer, JobKind, JobMessage, LayerJobs } from './worker-jobs.ts';

const IDLE_MS = 4000;
/** Jobs work in buffers: what they make beside is little. */
const YOUNG_GENERATION_MB = 2;
/** Jobs that wait for a client's bytes take a thread, but hardly a core. */
const MAXIMUM_STREAMING_JOBS = 16;
const STREAMING: ReadonlySet<JobKind> = new Set<JobKind>(['diff', 'pack', 'extract', 'unpack-arriving']);

export interface RunOptions {
  /** Moved to the worker with the input. */
  readonly transfer?: readonly Transferable[];
  /** The job is asked to stop; the promise rejects with the signal's reason once it has. */
  readonly signal?: AbortSignal;
}

interface IdleWorker {
  readonly worker: Worker;
  readonly timer: NodeJS.Timeout;
}

export class LayerWorkerPool implements AsyncDisposable {
  readonly #computing: Semaphore;
  readonly #streaming = new Semaphore(MAXIMUM_STREAMING_JOBS);
  /** Apart from the others, whose callers should not wait for gigabytes to be compressed. */
  readonly #compressing: Semaphore;
  readonly #idle: IdleWorker[] = [];
  readonly #busy = new Set<Worker>();
  #closed = false;

  /** @param parallelism jobs that compute at the same time */
  constructor(parallelism: number = availableParallelism()) {
    this.#computing = new Semaphore(parallelism);
    this.#compressing = new Semaphore(parallelism);
  }

  /** Runs one job on a thread of its own. Rejects with the job's {@link EngineError}. */
  async run<Kind extends JobKind>(
    kind: Kind,
    input: LayerJobs[Kind]['input'],
    options: RunOptions = {},
  ): Promise<LayerJobs[Kind]['output']> {
    options.signal?.throwIfAborted();
    using _permit = await this.#permits(kind).acquire();
    options.signal?.throwIfAborted();
    if (this.#closed) throw closed();
    const worker = this.#take();
    const aborted = new Int32Array(new SharedArrayBuffer(4));
    const abort = () => void Atomics.store(aborted, 0, 1);
    options.signal?.addEventListener('abort', abort);
    try {
      const answer = await ask(worker, { kind, input, aborted }, options.transfer ?? []);
      options.signal?.throwIfAborted();
      if (!answer.ok) throw new EngineError(answer.code, answer.message);
      return answer.output;
    } finally {
      options.signal?.removeEventListener('abort', abort);
      this.#giveBack(worker);
    }
  }

  /** Has a thread at hand for a job that comes soon: starting one takes as long as many a job. */
  warm(): void {
    if (!this.#closed && this.#idle.length === 0) this.#giveBack(startWorker());
  }

  /** Stops all threads; jobs that run are cut off and reject with `aborted`. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    const idle = this.#idle.splice(0);
    for (const { timer } of idle) clearTimeout(timer);
    await Promise.all(
      [...idle.map(({ worker }) => worker), ...this.#busy].map((worker) => worker.terminate()),
    );
  }

  #permits(kind: JobKind): Semaphore {
    if (kind === 'gzip') return this.#compressing;
    return STREAMING.has(kind) ? this.#streaming : this.#computing;
  }

  #take(): Worker {
    const idle = this.#idle.pop();
    if (idle) clearTimeout(idle.timer);
    const worker = idle?.worker ?? startWorker();
    worker.ref();
    this.#busy.add(worker);
    return worker;
  }

  #giveBack(worker: Worker): void {
    this.#busy.delete(worker);
    if (this.#closed || worker.threadId < 0) return;
    worker.unref();
    const timer = setTimeout(() => void this.#retire(worker), IDLE_MS).unref();
    this.#idle.push({ worker, timer });
  }

  async #retire(worker: Worker): Promise<void> {
    const index = this.#idle.findIndex((idle) => idle.worker === worker);
    if (index >= 0) this.#idle.splice(index, 1);
    await worker.terminate();
    // What jobs moved went through the heap; all is quiet now.
    if (this.#busy.size === 0 && this.#idle.length === 0) returnFreedMemory();
  }
}

/** Descriptors are partly closed by system calls that Node does not see: it must not close their numbers again. */
function startWorker(): Worker {
  return new Worker(workerModule('layer-worker', import.meta.url), {
    trackUnmanagedFds: false,
    resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MB },
  });
}

function ask<Kind extends JobKind>(
  worker: Worker,
  message: JobMessage<Kind>,
  transfer: readonly Transferable[],
): Promise<JobAnswer<Kind>> {
  const { promise, resolve, reject } = Promise.withResolvers<JobAnswer<Kind>>();
  const lost = () => reject(closed());
  worker.once('message', resolve);
  const crashed = (error: Error) => reject(crash(error));
  worker.once('error', crashed);
  worker.once('exit', lost);
  worker.postMessage(message, transfer);
  return promise.finally(() => {
    worker.off('message', resolve);
    worker.off('error', crashed);
    worker.off('exit', lost);
  });
}

function crash(cause: Error): EngineError {
  const isOutOfMemory = 'code' in cause && cause.code === 'ERR_WORKER_OUT_OF_MEMORY';
  const code = isOutOfMemory ? 'exhausted' : 'internal';
  return new EngineError(code, `Cannot finish work on a layer: ${cause.message}`, { cause });
}

function closed(): EngineError {
  return new EngineError('aborted', 'Cannot finish work on a layer: its thread was stopped');
}
