import { availableParallelism } from 'node:os';
import type { Readable } from 'node:stream';
import type { Transferable } from 'node:worker_threads';
import { Semaphore } from '#base/semaphore.ts';
import { workerModule } from '#base/worker-module.ts';
import { openReadable } from '#layer/byte-channel.ts';
import { fileTasks } from '#linux/file-service.ts';
import { ThreadedFileService } from '#linux/threaded-file-service.ts';
import type { BlobInfo } from '#store/content.ts';
import type { FileEntry } from '../session/build-session.ts';
import type {
  ChangeJob,
  CopyJob,
  DiffJob,
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

const FILE_JOBS = fileTasks<FileJobs>(workerModule('file-worker', import.meta.url));

/** Walking, hashing and packing the files of builds, on the file service: they are the engine's own. */
export class FileWorkers implements AsyncDisposable {
  readonly #permits = new Semaphore(Math.max(2, availableParallelism()));
  readonly #service: ThreadedFileService;
  readonly #ownsService: boolean;

  /** @param service shared with other domains; by default one of its own, which is stopped with it */
  constructor(service?: ThreadedFileService) {
    this.#service = service ?? new ThreadedFileService();
    this.#ownsService = service === undefined;
  }

  /** Has a thread at hand for a job that comes soon: starting one takes as long as many a job. */
  warm(): void {
    this.#service.warm(FILE_JOBS);
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
    if (this.#ownsService) await this.#service[Symbol.asyncDispose]();
  }

  async #run<Kind extends FileJobKind>(
    { kind, input }: FileJobMessage<Kind>,
    transfer: readonly Transferable[] = [],
  ): Promise<FileJobs[Kind]['output']> {
    return await this.#service.run(FILE_JOBS, kind, { input, transfer, limit: this.#permits });
  }
}
