import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, statSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '#base/errors.ts';
import { newId } from '#base/ids.ts';
import { KeyedLock } from '#base/keyed-lock.ts';
import type { Logger } from '#base/log.ts';
import { isErrno } from '#linux/errno.ts';
import type { BuildSession, FileQuery } from '../build-session.ts';
import { SyncedDirectory, type SyncedFiles, TABLE } from './synced-directory.ts';

/** What is kept of one directory of a client. */
export interface StoredContext {
  readonly name: string;
  readonly sizeBytes: number;
  readonly createdAtMs: number;
  readonly usedAtMs: number;
  /** It is being received. */
  readonly isInUse: boolean;
}

/** What is kept of clients' directories between their builds. */
const MAXIMUM_BYTES = 4 * 2 ** 30;
/** Kept open, with their tables in memory. */
const MAXIMUM_OPEN = 8;
/** Of clients that are not known again: gone after the build. */
const ONCE_PREFIX = 'once-';
/** No name of a directory. */
const COUNTING = '.';

export interface ContextStoreOptions {
  /** `ROOT/builds/contexts`: all of it is the store's. */
  readonly directory: string;
  readonly logger: Logger;
  readonly maximumBytes?: number;
}

/**
 * Clients' directories as they were synced, so that the next build of one need only send what has changed. Those used
 * longest ago go when there is no room. Disposing it waits for what is being written.
 */
export class ContextStore implements AsyncDisposable {
  readonly #directory: string;
  readonly #logger: Logger;
  readonly #maximumBytes: number;
  readonly #locks = new KeyedLock<string>();
  /** The one used last comes last. */
  readonly #open = new Map<string, SyncedDirectory>();
  readonly #saving = new Set<Promise<void>>();
  /** When this process used them, in its own order; the files' times tell of others. */
  readonly #used = new Map<string, number>();
  #uses = 0;

  constructor({ directory, logger, maximumBytes = MAXIMUM_BYTES }: ContextStoreOptions) {
    this.#directory = directory;
    this.#logger = logger;
    this.#maximumBytes = maximumBytes;
    mkdirSync(directory, { recursive: true, mode: 0o700 });
  }

  /** Asks the session for a directory; the caller disposes the result. */
  async sync(
    session: BuildSession,
    query: FileQuery,
    options: { readonly signal: AbortSignal; readonly onProgress?: (transferredBytes: number) => void },
  ): Promise<SyncedFiles> {
    const { signal, onProgress = () => undefined } = options;
    const name = nameFor(session, query);
    const lock = await this.#locks.acquire(name);
    try {
      signal.throwIfAborted();
      const directory = this.#take(name);
      await using transfer = session.openFiles(query, signal);
      const files = await directory.sync(transfer, onProgress);
      this.#later(name, directory, files, lock);
      return files;
    } catch (error) {
      if (name.startsWith(ONCE_PREFIX)) await this.#drop(name);
      lock[Symbol.dispose]();
      throw error;
    }
  }

  list(): readonly StoredContext[] {
    return this.#stored().map((stored) => ({ ...stored, isInUse: this.#locks.isHeld(stored.name) }));
  }

  /** Of those of these names, forgets what is not being received now. @returns their names */
  async remove(names: readonly string[]): Promise<readonly string[]> {
    const removed: string[] = [];
    for (const name of names) {
      if (this.#locks.isHeld(name)) continue;
      using _lock = await this.#locks.acquire(name);
      await this.#drop(name);
      removed.push(name);
    }
    return removed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#saving);
    for (const directory of this.#open.values()) directory[Symbol.dispose]();
    this.#open.clear();
  }

  #take(name: string): SyncedDirectory {
    const directory = this.#open.get(name) ?? new SyncedDirectory(join(this.#directory, name));
    this.#open.delete(name);
    this.#open.set(name, directory);
    this.#used.set(name, ++this.#uses);
    return directory;
  }

  /** The build goes on meanwhile; the next of the same directory waits for it. */
  #later(name: string, directory: SyncedDirectory, files: SyncedFiles, lock: Disposable): void {
    const save = async () => {
      try {
        if (name.startsWith(ONCE_PREFIX)) await this.#drop(name);
        else await directory.save(files);
      } catch (error) {
        this.#logger.warn(`Cannot keep build context: ${messageOf(error)}`);
        await this.#drop(name);
      } finally {
        lock[Symbol.dispose]();
      }
      await this.#limit();
    };
    const saving = save().finally(() => this.#saving.delete(saving));
    this.#saving.add(saving);
  }

  /** One at a time: each counts what the others have left. */
  async #limit(): Promise<void> {
    using _counting = await this.#locks.acquire(COUNTING);
    for (const name of [...this.#open.keys()].slice(0, -MAXIMUM_OPEN)) {
      if (this.#locks.isHeld(name)) continue;
      this.#open.get(name)?.[Symbol.dispose]();
      this.#open.delete(name);
    }
    const use = (name: string) => this.#used.get(name) ?? 0;
    const stored = this.#stored().toSorted(
      (one, other) => use(one.name) - use(other.name) || one.usedAtMs - other.usedAtMs,
    );
    let bytes = stored.reduce((total, { sizeBytes }) => total + sizeBytes, 0);
    for (const { name, sizeBytes } of stored) {
      if (bytes <= this.#maximumBytes) return;
      // When it is let go, this is done again.
      if (this.#locks.isHeld(name)) return;
      using _lock = await this.#locks.acquire(name);
      await this.#drop(name);
      bytes -= sizeBytes;
    }
  }

  /** Builds that read it go on: they have it open. */
  async #drop(name: string): Promise<void> {
    this.#open.get(name)?.[Symbol.dispose]();
    this.#open.delete(name);
    this.#used.delete(name);
    await rm(join(this.#directory, name), { recursive: true, force: true });
  }

  #stored(): readonly Omit<StoredContext, 'isInUse'>[] {
    return readdirSync(this.#directory).flatMap((name) => describe(this.#directory, name) ?? []);
  }
}

/** Undefined for what is gone meanwhile. */
function describe(directory: string, name: string): Omit<StoredContext, 'isInUse'> | undefined {
  const path = join(directory, name);
  try {
    const { birthtimeMs } = statSync(path);
    const files = readdirSync(path).map((file) => ({ file, stats: statSync(join(path, file)) }));
    // What is written, whatever the file system has given it room for.
    const sizeBytes = files.reduce((total, { stats }) => total + stats.size, 0);
    const usedAtMs = files.find(({ file }) => file === TABLE)?.stats.mtimeMs ?? birthtimeMs;
    return { name, sizeBytes, createdAtMs: Math.floor(birthtimeMs), usedAtMs: Math.floor(usedAtMs) };
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined;
    throw error;
  }
}

function nameFor({ sharedKey }: BuildSession, { directory }: FileQuery): string {
  if (sharedKey === undefined) return `${ONCE_PREFIX}${newId()}`;
  return createHash('sha256')
    .update(JSON.stringify([sharedKey, directory]))
    .digest('hex');
}
