/**
 * The directories of `RUN --mount=type=cache`: kept between builds under `ROOT/builds/caches`, with size and last use
 * in the metadata. A process that ends at any moment leaves directories that are whole, with whatever commands have
 * written; what was being made is removed by the next.
 */
import { createHash } from 'node:crypto';
import { chmodSync, chownSync, mkdirSync, renameSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { abortable } from '#base/abortable.ts';
import { Condition } from '#base/condition.ts';
import { newId } from '#base/ids.ts';
import { KeyedLock } from '#base/keyed-lock.ts';
import { readNames } from '#store/disk.ts';
import type { RootArchive } from '#layer/layer.ts';
import type { Metadata } from '#store/metadata.ts';
import { CacheDirectoryTable, type StoredDirectory } from './cache-directory-table.ts';
import type { CacheMount } from '../definition/exec-mount.ts';
import type { FileWorkers } from '../files/file-workers.ts';
import { escapeWildcards } from '#oci/glob.ts';
import type { Sources } from '../solve/file-sources.ts';

/** Where initial content comes from. */
type ContentSources = Pick<Sources, 'checksumOf' | 'open'>;

export interface CacheDirectory extends StoredDirectory {
  readonly isInUse: boolean;
}

/** Until it is disposed, a cache is in use. */
export interface CacheUse extends Disposable {
  readonly path: string;
}

export interface CacheDirectoriesOptions {
  readonly directory: string;
  readonly metadata: Metadata;
  readonly files: Pick<FileWorkers, 'usage' | 'copy'>;
  readonly archive: Pick<RootArchive, 'put'>;
}

interface Usage {
  count: number;
  isExclusive: boolean;
}

/** Disposing it waits for what is being measured. */
export class CacheDirectories implements AsyncDisposable {
  readonly #options: CacheDirectoriesOptions;
  readonly #making = new KeyedLock<string>();
  readonly #uses = new Map<string, Usage>();
  readonly #measuring = new Set<Promise<void>>();
  readonly #released = new Condition();
  readonly #table: CacheDirectoryTable;

  constructor(options: CacheDirectoriesOptions) {
    this.#options = options;
    this.#table = new CacheDirectoryTable(options.metadata);
  }

  /** Removes what a former process did not finish. */
  async recover(): Promise<void> {
    const known = new Set(this.list().map(({ name }) => name));
    const there = new Set(readNames(this.#options.directory));
    await Promise.all([...there].filter((name) => !known.has(name)).map((name) => this.#discard(name)));
    this.#table.remove([...known].filter((name) => !there.has(name)));
  }

  /**
   * Waits while the mount may not share the cache with those that use it. Makes the cache where there is none.
   *
   * @throws {EngineError} `invalid` for initial content that is not there
   */
  async acquire(mount: CacheMount, sources: ContentSources, signal: AbortSignal): Promise<CacheUse> {
    const key = await keyOf(mount, sources);
    for (;;) {
      signal.throwIfAborted();
      // Taken before the look, so that what is released in between is not missed.
      const released = this.#released.changed;
      const use = await this.#take(key, mount, sources, signal);
      if (use) return use;
      await abortable(released, signal);
    }
  }

  list(): readonly CacheDirectory[] {
    return this.#table.all().map((row) => ({ ...row, isInUse: this.#uses.has(row.name) }));
  }

  /** Removes those of `directories` that are not in use. @returns what was removed */
  async remove(directories: readonly CacheDirectory[]): Promise<readonly CacheDirectory[]> {
    const unused = directories.filter(({ name }) => !this.#uses.has(name));
    // Forgotten first: what a crash leaves of them is garbage that the next start removes.
    this.#table.remove(unused.map(({ name }) => name));
    await Promise.all(unused.map(({ name }) => this.#discard(name)));
    return unused;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#measuring);
  }

  /**
   * Finds or makes a directory and uses it in the same turn, so that it cannot be removed in between. Undefined: all
   * directories of the key are in use, and another one would not do.
   */
  async #take(
    key: string,
    mount: CacheMount,
    sources: ContentSources,
    signal: AbortSignal,
  ): Promise<CacheUse | undefined> {
    using _making = await this.#making.acquire(key, signal);
    const names = this.#table.named(key);
    const wanted = mount.sharing === 'private' ? names : names.slice(0, 1);
    for (const name of wanted) {
      const use = this.#tryUse(name, mount.sharing);
      if (use) return use;
    }
    const isEnough = names.length > 0 && mount.sharing !== 'private';
    return isEnough ? undefined : await this.#make(key, mount, sources);
  }

  #tryUse(name: string, sharing: CacheMount['sharing']): CacheUse | undefined {
    const usage = this.#uses.get(name);
    if (usage && (usage.isExclusive || sharing !== 'shared')) return undefined;
    this.#uses.set(name, { count: (usage?.count ?? 0) + 1, isExclusive: sharing !== 'shared' });
    this.#table.used(name, Date.now());
    return { path: this.#path(name), [Symbol.dispose]: () => this.#release(name) };
  }

  #release(name: string): void {
    const usage = this.#uses.get(name);
    if (!usage) return;
    usage.count -= 1;
    if (usage.count > 0) return;
    this.#uses.delete(name);
    this.#released.notifyAll();
    const measured = this.#measure(name).finally(() => this.#measuring.delete(measured));
    this.#measuring.add(measured);
  }

  async #measure(name: string): Promise<void> {
    try {
      const sizeBytes = await this.#options.files.usage({ path: this.#path(name) });
      this.#table.sized(name, sizeBytes);
    } catch {
      // The directory keeps its former size: no build fails for a size.
    }
  }

  /** Appears as a whole: under another name until it is filled. */
  async #make(key: string, mount: CacheMount, sources: ContentSources): Promise<CacheUse | undefined> {
    const { directory } = this.#options;
    const name = newId();
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const path = this.#path(`${name}.new`);
    mkdirSync(path, { mode: 0o755 });
    try {
      if (mount.initial) await this.#fill(path, mount.initial, sources);
      const { uid, gid, mode } = mount.owner ?? { uid: 0, gid: 0, mode: 0o755 };
      chownSync(path, uid, gid);
      chmodSync(path, mode);
      this.#table.add({ name, key, id: mount.id, atMs: Date.now() });
      renameSync(path, this.#path(name));
      return this.#tryUse(name, mount.sharing);
    } catch (error) {
      await rm(path, { recursive: true, force: true });
      throw error;
    }
  }

  async #fill(
    root: string,
    initial: NonNullable<CacheMount['initial']>,
    sources: ContentSources,
  ): Promise<void> {
    const { files, archive } = this.#options;
    using opened = await sources.open({ source: initial.source, paths: [escapeWildcards(initial.path)] });
    const tar = files.copy({ target: root, files: [opened.selection], destination: '/' });
    await archive.put(root, '/', tar, { noOverwriteDirNonDir: false, copyUidGid: false });
  }

  async #discard(name: string): Promise<void> {
    await rm(this.#path(name), { recursive: true, force: true });
  }

  #path(name: string): string {
    return join(this.#options.directory, name);
  }
}

/** Caches of one id that begin differently are different ones, as in BuildKit. */
async function keyOf({ id, initial, owner }: CacheMount, sources: ContentSources): Promise<string> {
  const from = initial && [
    await sources.checksumOf({ source: initial.source, paths: [escapeWildcards(initial.path)] }),
  ];
  return createHash('sha256')
    .update(JSON.stringify([id, from ?? null, owner ?? null]))
    .digest('hex');
}
