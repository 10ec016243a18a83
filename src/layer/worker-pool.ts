/** Work on layers and trees that would hold up the event loop (unpacking, walking, packing), on the file service. */
import { availableParallelism } from 'node:os';
import type { Transferable } from 'node:worker_threads';
import { Semaphore } from '#base/semaphore.ts';
import { workerModule } from '#base/worker-module.ts';
import { type FileGuard, type FileLane, fileTasks } from '#linux/file-service.ts';
import { ThreadedFileService } from '#linux/threaded-file-service.ts';
import type { JobKind, LayerJobs } from './worker-jobs.ts';

/** Jobs work in buffers: what they make beside is little. */
const LAYER_TASKS = fileTasks<LayerJobs>(workerModule('layer-worker', import.meta.url), {
  youngGenerationMb: 2,
});
/** Jobs that wait for a client's bytes, or only look, take a thread, but hardly a core. */
const MAXIMUM_STREAMING_JOBS = 16;
const STREAMING: ReadonlySet<JobKind> = new Set<JobKind>(['pack', 'extract', 'unpack-arriving', 'look']);

export interface RunOptions {
  /** Moved to the worker with the input. */
  readonly transfer?: readonly Transferable[];
  /** The job is asked to stop; the promise rejects with the signal's reason once it has. */
  readonly signal?: AbortSignal;
  /** The lane of files that the engine does not own alone. */
  readonly guard?: FileGuard;
}

export class LayerWorkerPool implements AsyncDisposable {
  readonly #files: ThreadedFileService;
  readonly #ownsFiles: boolean;
  readonly #computing: Semaphore;
  readonly #streaming = new Semaphore(MAXIMUM_STREAMING_JOBS);
  /** Apart from the others, whose callers should not wait for gigabytes to be compressed. */
  readonly #compressing: Semaphore;

  /**
   * @param parallelism jobs that compute at the same time
   * @param files shared with other domains; by default one of its own, which is stopped with it
   */
  constructor(parallelism: number = availableParallelism(), files?: ThreadedFileService) {
    this.#files = files ?? new ThreadedFileService();
    this.#ownsFiles = files === undefined;
    this.#computing = new Semaphore(parallelism);
    this.#compressing = new Semaphore(parallelism);
  }

  /** Runs one job on a thread of its own. Rejects with the job's {@link EngineError}. */
  async run<Kind extends JobKind>(
    kind: Kind,
    input: LayerJobs[Kind]['input'],
    options: RunOptions = {},
  ): Promise<LayerJobs[Kind]['output']> {
    return await this.#files.run(LAYER_TASKS, kind, { input, limit: this.#permits(kind), ...options });
  }

  /** Has a thread at hand for a job that comes soon: starting one takes as long as many a job. */
  warm(): void {
    this.#files.warm(LAYER_TASKS);
  }

  /** Stops all threads; jobs that run are cut off and reject with `aborted`. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#ownsFiles) await this.#files[Symbol.asyncDispose]();
  }

  #permits(kind: JobKind): Semaphore {
    if (kind === 'gzip') return this.#compressing;
    return STREAMING.has(kind) ? this.#streaming : this.#computing;
  }
}

/** The deadline of work on whole trees: a directory of a million names takes some seconds to list. */
export const TREE_DEADLINE_MS = 30_000;

/** The guard of work on files of others; none without a lane. */
export function guarded(
  lane: FileLane | undefined,
  guard: Omit<FileGuard, 'lane'>,
): { readonly guard?: FileGuard } {
  return lane ? { guard: { ...guard, lane } } : {};
}
