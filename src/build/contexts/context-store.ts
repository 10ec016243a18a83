import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, statSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '#base/errors.ts';
import { newId } from '#base/ids.ts';
import { KeyedLock } from '#base/keyed-lock.ts';
import type { Logger } from '#base/log.ts';
import { KeyedUseCount } from '#base/use-count.ts';
import { isErrno } from '#linux/errno.ts';
import type { BuildSession, FileQuery } from '../session/build-session.ts';
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
/** How long after a sync it is saved. */
const SAVE_DELAY_MS = 1000;
/** Kept open, with their tables in memory: so many, and so many files, of which each takes half a kilobyte. */
const MAXIMUM_OPEN = 8;
const MAXIMUM_OPEN_FILES = 100_000;
/** Contexts of clients that are not known again are removed after the build. */
const ONCE_PREFIX = 'once-';
/** The key of a lock; no directory has this name. */
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
  /** By name: whether files have come since the last save. */
  readonly #unsaved = new Map<string, boolean>();
  /** By name: how many builds receive it, or wait to. */
  readonly #receiving = new KeyedUseCount<string>();
  /** By name: the save that is being written while syncs go on. */
  readonly #writing = new Map<string, Promise<void>>();
  #saving: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;
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
    using _receiving = this.#receiving.use(name);
    using _lock = await this.#locks.acquire(name, signal);
    try {
      const directory = this.#take(name);
      const { marks } = directory;
      await using transfer = session.openFiles(marks ? { ...query, marks } : query, signal);
      const files = await directory.sync(transfer, onProgress);
      this.#saveLater(name, files);
      return files;
    } finally {
      // A build that reads it has it open.
      if (name.startsWith(ONCE_PREFIX)) await this.#drop(name);
    }
  }

  list(): readonly StoredContext[] {
    return this.#stored().map((stored) => ({ ...stored, isInUse: this.#receiving.isUsed(stored.name) }));
  }

  /** Forgets those of the named contexts that are not being received now. @returns their names */
  async remove(names: readonly string[]): Promise<readonly string[]> {
    const removed: string[] = [];
    for (const name of names) {
      if (this.#receiving.isUsed(name)) continue;
      // It may be saved just now.
      using _lock = await this.#locks.acquire(name);
      await this.#drop(name);
      removed.push(name);
    }
    return removed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#saveAll();
    await this.#saving;
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

  /** The build comes first: it needs the disk itself. A process that is killed before forgets what was received. */
  #saveLater(name: string, { transferredBytes }: SyncedFiles): void {
    if (name.startsWith(ONCE_PREFIX)) return;
    this.#unsaved.set(name, transferredBytes > 0 || this.#unsaved.get(name) === true);
    this.#timer ??= setTimeout(() => this.#saveAll(), SAVE_DELAY_MS).unref();
  }

  #saveAll(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const unsaved = [...this.#unsaved];
    this.#unsaved.clear();
    this.#saving = this.#saveThese(unsaved, this.#saving);
  }

  async #saveThese(unsaved: readonly (readonly [string, boolean])[], before: Promise<void>): Promise<void> {
    await before;
    for (const [name, isChanged] of unsaved) await this.#save(name, isChanged);
    try {
      await this.#limit();
    } catch (error) {
      this.#logger.warn(`Cannot remove old build contexts: ${messageOf(error)}`);
    }
  }

  async #save(name: string, isChanged: boolean): Promise<void> {
    try {
      const written = await this.#checkpoint(name, isChanged);
      await written?.();
    } catch (error) {
      using _lock = await this.#locks.acquire(name);
      // It may have been removed meanwhile.
      if (!this.#open.has(name)) return;
      this.#logger.warn(`Cannot keep build context: ${messageOf(error)}`);
      await this.#drop(name);
    }
  }

  /** Begins to write what there is now. @returns what waits for it */
  async #checkpoint(name: string, isChanged: boolean): Promise<(() => Promise<void>) | undefined> {
    using _lock = await this.#locks.acquire(name);
    const directory = this.#open.get(name);
    if (!directory) return undefined;
    const write = isChanged ? await directory.checkpoint() : () => directory.touch();
    const writing = write().finally(() => this.#writing.delete(name));
    this.#writing.set(name, writing);
    return () => writing;
  }

  /** Runs one at a time, since each run counts what the others have left. */
  async #limit(): Promise<void> {
    using _counting = await this.#locks.acquire(COUNTING);
    for (const name of this.#tooOld()) {
      if (this.#locks.isHeld(name) || this.#unsaved.has(name) || this.#writing.has(name)) continue;
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
      // The limit is applied again when the lock is released.
      if (this.#locks.isHeld(name)) return;
      using _lock = await this.#locks.acquire(name);
      await this.#drop(name);
      bytes -= sizeBytes;
    }
  }

  /** Open contexts that are too many; never the one that was used last. */
  #tooOld(): readonly string[] {
    let files = 0;
    return [...this.#open].toReversed().flatMap(([name, directory], index) => {
      files += directory.fileCount;
      return index > 0 && (index >= MAXIMUM_OPEN || files > MAXIMUM_OPEN_FILES) ? [name] : [];
    });
  }

  /** Builds that read it go on: they have it open. */
  async #drop(name: string): Promise<void> {
    this.#open.get(name)?.[Symbol.dispose]();
    this.#open.delete(name);
    this.#used.delete(name);
    // What is written for it would be found in the directory that follows.
    await Promise.allSettled([this.#writing.get(name)]);
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
    // Bytes that were written, not blocks that are reserved.
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
