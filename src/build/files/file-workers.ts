import { availableParallelism } from 'node:os';
import type { Readable } from 'node:stream';
import { type Transferable, Worker } from 'node:worker_threads';
import { EngineError } from '#base/errors.ts';
import { Semaphore } from '#base/semaphore.ts';
import { workerModule } from '#base/worker-module.ts';
import { openReadable } from '#layer/byte-channel.ts';
import type { BlobInfo } from '#store/content.ts';
import type { FileEntry } from '../session/build-session.ts';
import type {
  ChangeJob,
  CopyJob,
  DiffJob,
  FileJobAnswer,
  FileJobKind,
  FileJobMessage,
  FileJobs,
  FileSelection,
  FoundPath,
  IgnoredJob,
  IndexJob,
  ListJob,
  ReadJob,
  SquashJob,
  StatJob,
} from './file-jobs.ts';

const IDLE_MS = 4000;

/** Threads for walking, hashing and packing the files of builds: started when needed, stopped when idle. */
export class FileWorkers implements AsyncDisposable {
  readonly #permits = new Semaphore(Math.max(2, availableParallelism()));
  readonly #idle = new Map<Worker, NodeJS.Timeout>();

  /** Has a thread at hand for a job that comes soon: starting one takes as long as many a job. */
  warm(): void {
    if (this.#idle.size === 0) this.#rest(startWorker());
  }

  /** See `FileJobs`. @throws {EngineError} `invalid` for sources that are not there */
  checksum(job: FileSelection): Promise<string> {
    return this.#run({ kind: 'checksum', input: job });
  }

  /** See `FileJobs`. @throws {EngineError} `invalid` for sources that are not there */
  find(selection: FileSelection): Promise<readonly FoundPath[]> {
    return this.#run({ kind: 'find', input: selection });
  }

  /** See `FileJobs`. @throws {EngineError} `invalid` for what is not there, no file, or too much for one answer */
  read(job: ReadJob): Promise<Uint8Array> {
    return this.#run({ kind: 'read', input: job });
  }

  /** See `FileJobs`. @throws {EngineError} `invalid` for what is not there or no directory */
  list(job: ListJob): Promise<readonly FileEntry[]> {
    return this.#run({ kind: 'list', input: job });
  }

  /** See `FileJobs`. @throws {EngineError} `invalid` for what is not there */
  stat(job: StatJob): Promise<FileEntry> {
    return this.#run({ kind: 'stat', input: job });
  }

  /** See `FileJobs`. @throws {EngineError} `invalid` for a tar that is hostile or malformed */
  index(job: IndexJob): Promise<boolean> {
    return this.#run({ kind: 'index', input: job });
  }

  /** See `FileJobs`. */
  ignored(job: IgnoredJob): Promise<readonly string[]> {
    return this.#run({ kind: 'ignored', input: job });
  }

  /** See `FileJobs`. */
  usage(job: { readonly path: string }): Promise<number> {
    return this.#run({ kind: 'usage', input: job });
  }

  /** The layer that copying makes, written into an empty file; fails as `writeCopyLayer` does. */
  async copyTo(job: CopyJob, path: string, signal: AbortSignal): Promise<BlobInfo> {
    const aborted = new Int32Array(new SharedArrayBuffer(4));
    const abort = () => void Atomics.store(aborted, 0, 1);
    signal.addEventListener('abort', abort);
    try {
      return await this.#run({ kind: 'copy-file', input: { ...job, path, aborted } });
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }

  /** The layer that copying makes, as a tar; fails as `writeCopyLayer` does. */
  copy(job: CopyJob): Readable {
    return openReadable(async (end) => {
      await this.#run({ kind: 'copy', input: { ...job, ...end } }, [end.port]);
    });
  }

  /** See `FileJobs`. @throws {EngineError} `invalid` for what cannot be done */
  async change(job: ChangeJob): Promise<void> {
    await this.#run({ kind: 'change', input: job });
  }

  /** What leads from one tree to another, as the tar of a layer. */
  diff(job: DiffJob): Readable {
    return openReadable(async (end) => {
      await this.#run({ kind: 'diff', input: { ...job, ...end } }, [end.port]);
    });
  }

  /** Makes one layer of several, as a tar. */
  squash(job: SquashJob): Readable {
    return openReadable(async (end) => {
      await this.#run({ kind: 'squash', input: { ...job, ...end } }, [end.port]);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const timer of this.#idle.values()) clearTimeout(timer);
    await Promise.all([...this.#idle.keys()].map((worker) => worker.terminate()));
  }

  async #run<Kind extends FileJobKind>(
    message: FileJobMessage<Kind>,
    transfer: readonly Transferable[] = [],
  ): Promise<FileJobs[Kind]['output']> {
    using _permit = await this.#permits.acquire();
    const worker = this.#take();
    try {
      const answer = await ask(worker, message, transfer);
      if (answer.ok) return answer.output;
      throw new EngineError(answer.code, answer.message);
    } finally {
      if (worker.threadId >= 0) this.#rest(worker);
    }
  }

  #take(): Worker {
    const [idle] = this.#idle;
    if (!idle) return startWorker();
    const [worker, timer] = idle;
    clearTimeout(timer);
    this.#idle.delete(worker);
    worker.ref();
    return worker;
  }

  #rest(worker: Worker): void {
    worker.unref();
    const stop = () => {
      this.#idle.delete(worker);
      void worker.terminate();
    };
    this.#idle.set(worker, setTimeout(stop, IDLE_MS).unref());
  }
}

function startWorker(): Worker {
  return new Worker(workerModule('file-worker', import.meta.url), { trackUnmanagedFds: false });
}

async function ask<Kind extends FileJobKind>(
  worker: Worker,
  message: FileJobMessage<Kind>,
  transfer: readonly Transferable[],
): Promise<FileJobAnswer<Kind>> {
  const { promise, resolve, reject } = Promise.withResolvers<FileJobAnswer<Kind>>();
  const lost = () =>
    reject(new EngineError('aborted', 'Cannot finish work on files: its thread was stopped'));
  worker.once('message', resolve);
  worker.once('error', reject);
  worker.once('exit', lost);
  worker.postMessage(message, transfer);
  try {
    return await promise;
  } finally {
    worker.off('message', resolve);
    worker.off('error', reject);
    worker.off('exit', lost);
  }
}
