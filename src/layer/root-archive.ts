import type { Readable } from 'node:stream';
import type { FileLane } from '#linux/file-service.ts';
import { openReadable } from './byte-channel.ts';
import { ChunkSender } from './chunk-ring.ts';
import type { FileStat, RootArchive, RootView } from './layer.ts';
import { absolutePath } from './path-look.ts';
import { plainTar } from './plain-tar.ts';
import { guarded, LayerWorkerPool, TREE_DEADLINE_MS } from './worker-pool.ts';

/** Reading and writing containers' files for `docker cp`; see {@link createRootArchive}. */
export class WorkerRootArchive implements RootArchive, AsyncDisposable {
  readonly #workers: LayerWorkerPool;
  readonly #ownsWorkers: boolean;

  constructor(workers: LayerWorkerPool | undefined) {
    this.#workers = workers ?? new LayerWorkerPool();
    this.#ownsWorkers = workers === undefined;
  }

  async stat(root: string | RootView, path: string, lane?: FileLane): Promise<FileStat> {
    return (await this.#workers.run('look', { root, path }, guarded(lane, { action: `find ${path}` }))).stat;
  }

  async get(
    root: string | RootView,
    path: string,
    lane?: FileLane,
  ): Promise<{ readonly stat: FileStat; readonly tar: Readable }> {
    const found = await this.#workers.run('look', { root, path }, guarded(lane, { action: `find ${path}` }));
    const { stat, isDirectory } = found;
    const absolute = absolutePath(path);
    // A directory is packed from inside, so that `link/` and `link/.` mean what the link leads to.
    const source = isDirectory ? `${absolute}/.` : absolute;
    const name = stat.name === '/' ? '' : stat.name;
    const tar = openReadable((end) =>
      this.#workers.run(
        'pack',
        { root, path: source, name, ...end },
        { transfer: [end.port], ...guarded(lane, { action: `read ${path}`, deadlineMs: TREE_DEADLINE_MS }) },
      ),
    );
    return { stat, tar };
  }

  async put(
    root: string | RootView,
    path: string,
    tar: Readable,
    options: Parameters<RootArchive['put']>[3],
  ): Promise<void> {
    const absolute = absolutePath(path);
    const guard = guarded(options.lane, {
      action: `write into ${path}`,
      deadlineMs: TREE_DEADLINE_MS,
    });
    const { noOverwriteDirNonDir, copyUidGid, owner, signal } = options;
    const sender = new ChunkSender();
    const pump = new TarPump(tar, sender);
    const input = { root, path: absolute, noOverwriteDirNonDir, ...sender.ring };
    const job = copyUidGid && owner ? { ...input, owner } : input;
    const abort = () => pump.cancel();
    signal?.addEventListener('abort', abort);
    try {
      const extracted = this.#workers.run('extract', job, {
        ...(signal && { signal }),
        ...guard,
      });
      pump.start();
      await extracted;
    } catch (error) {
      throw pump.failure ?? error;
    } finally {
      signal?.removeEventListener('abort', abort);
      sender.close();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#ownsWorkers) await this.#workers[Symbol.asyncDispose]();
  }
}

/** Moves a stream into a channel. The stream is the caller's: it is never destroyed here. */
class TarPump {
  readonly #tar: Readable;
  readonly #sender: ChunkSender;
  #stopped = false;
  /** Why the stream ended early, if it did. */
  failure: unknown;

  constructor(tar: Readable, sender: ChunkSender) {
    this.#tar = tar;
    this.#sender = sender;
  }

  /** What the worker did not want is read and thrown away, so that its sender gets to the end. */
  start(): void {
    void this.#run().then(() => this.#tar.resume());
  }

  cancel(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#sender.finish('aborted');
  }

  async #run(): Promise<void> {
    try {
      for await (const chunk of plainTar(this.#tar)) {
        if (this.#stopped || this.#sender.closed) return;
        await this.#sender.send(chunk);
      }
      if (!this.#stopped) this.#sender.finish('end');
    } catch (error) {
      this.failure = error;
      this.cancel();
    }
  }
}

/** @param workers shared with the stores; by default threads of its own, which are stopped with it */
export function createRootArchive(workers?: LayerWorkerPool): WorkerRootArchive {
  return new WorkerRootArchive(workers);
}
