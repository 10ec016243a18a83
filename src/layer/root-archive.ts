import { type BigIntStats, constants, openSync } from 'node:fs';
import { posix } from 'node:path';
import type { Readable } from 'node:stream';
import { EngineError, messageOf } from '#base/errors.ts';
import { type OwnedFd, ownFd } from '#linux/descriptors.ts';
import { isErrno } from '#linux/errno.ts';
import type { PathStat } from '#wire/container.ts';
import { toGoFileMode } from '#base/go-file-mode.ts';
import { formatTimestamp } from '#base/timestamps.ts';
import { ChannelSender, openReadable } from './byte-channel.ts';
import type { RootArchive } from './layer.ts';
import { absolutePath, followLinks, isDirectoryInRoot, lstatInRoot } from './path-resolution.ts';
import { plainTar } from './plain-tar.ts';
import { LayerWorkerPool } from './worker-pool.ts';

/** Reading and writing containers' files for `docker cp`; see {@link createRootArchive}. */
export class WorkerRootArchive implements RootArchive, AsyncDisposable {
  readonly #workers: LayerWorkerPool;
  readonly #ownsWorkers: boolean;

  constructor(workers: LayerWorkerPool | undefined) {
    this.#workers = workers ?? new LayerWorkerPool();
    this.#ownsWorkers = workers === undefined;
  }

  async stat(root: string, path: string): Promise<PathStat> {
    return statInRoot(root, absolutePath(path)).stat;
  }

  async get(root: string, path: string): Promise<{ readonly stat: PathStat; readonly tar: Readable }> {
    const absolute = absolutePath(path);
    const { stat, isDirectory } = statInRoot(root, absolute);
    // A directory is packed from inside, so that `link/` and `link/.` mean what the link leads to.
    const source = isDirectory ? `${absolute}/.` : absolute;
    const name = stat.name === '/' ? '' : stat.name;
    const tar = openReadable((end) =>
      this.#workers.run('pack', { root, path: source, name, ...end }, { transfer: [end.port] }),
    );
    return { stat, tar };
  }

  async put(
    root: string,
    path: string,
    tar: Readable,
    options: Parameters<RootArchive['put']>[3],
  ): Promise<void> {
    const absolute = absolutePath(path);
    requireDirectory(root, absolute);
    const { noOverwriteDirNonDir, copyUidGid, owner, signal } = options;
    const sender = new ChannelSender();
    const pump = new TarPump(tar, sender);
    const input = { root, path: absolute, noOverwriteDirNonDir, ...sender.end };
    const job = copyUidGid && owner ? { ...input, owner } : input;
    const abort = () => pump.cancel();
    signal?.addEventListener('abort', abort);
    try {
      const extracted = this.#workers.run('extract', job, {
        transfer: [sender.end.port],
        ...(signal && { signal }),
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
  readonly #sender: ChannelSender;
  #stopped = false;
  /** Why the stream ended early, if it did. */
  failure: unknown;

  constructor(tar: Readable, sender: ChannelSender) {
    this.#tar = tar;
    this.#sender = sender;
  }

  /** What the worker did not want is read and thrown away, so that who sends it gets to the end. */
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

interface FoundPath {
  readonly stat: PathStat;
  readonly isDirectory: boolean;
}

function statInRoot(root: string, path: string): FoundPath {
  using rootFd = openRoot(root);
  const stats = found(path, () => lstatInRoot(rootFd.fd, path));
  const linkTarget = stats.isSymbolicLink() ? followLinks(rootFd.fd, path) : '';
  return { stat: toPathStat(path, stats, linkTarget), isDirectory: stats.isDirectory() };
}

function toPathStat(path: string, stats: BigIntStats, linkTarget: string): PathStat {
  return {
    name: goBase(path),
    size: Number(stats.size),
    mode: toGoFileMode(Number(stats.mode)),
    mtime: formatTimestamp(stats.mtimeNs),
    linkTarget,
  };
}

/** Go's filepath.Base: the last part; `.` for `dir/.`, `/` for the root. */
function goBase(path: string): string {
  if (path.endsWith('/.')) return '.';
  return posix.basename(path) || '/';
}

function requireDirectory(root: string, path: string): void {
  using rootFd = openRoot(root);
  if (found(path, () => isDirectoryInRoot(rootFd.fd, path))) return;
  throw new EngineError('invalid', 'extraction point is not a directory');
}

function openRoot(root: string): OwnedFd {
  return ownFd(openSync(root, constants.O_RDONLY | constants.O_DIRECTORY));
}

function found<T>(path: string, look: () => T): T {
  try {
    return look();
  } catch (cause) {
    if (!isErrno(cause, 'ENOENT', 'ENOTDIR', 'ELOOP')) throw cause;
    const code = isErrno(cause, 'ENOENT') ? 'not-found' : 'invalid';
    throw new EngineError(code, `Cannot find ${path}: ${messageOf(cause)}`, { cause });
  }
}

/** @param workers shared with the stores; by default threads of its own, which are stopped with it */
export function createRootArchive(workers?: LayerWorkerPool): WorkerRootArchive {
  return new WorkerRootArchive(workers);
}
