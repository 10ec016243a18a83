/**
 * Directories that appear as a whole, are never changed, and go when there is no room: those used longest ago first.
 */
import {
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isObject } from '#base/json.ts';
import { newId } from '#base/ids.ts';
import { KeyedUseCount } from '#base/use-count.ts';
import { readNames } from '#store/disk.ts';
import { isErrno } from '#linux/errno.ts';
import type { LocalFiles } from '../definition/vertex.ts';
import type { FileWorkers } from '../files/file-workers.ts';

export interface DownloadStoreOptions {
  readonly directory: string;
  readonly files: FileWorkers;
  /** The limit for all that is kept. */
  readonly maximumBytes?: number;
}

/** Where something came from. */
export interface Origin {
  readonly kind: 'http' | 'git';
  readonly url: string;
}

export interface StoredDownload extends Origin {
  readonly name: string;
  readonly createdAtMs: number;
  readonly usedAtMs: number;
  readonly sizeBytes: number;
  readonly isInUse: boolean;
}

interface Description extends Origin {
  readonly sizeBytes: number;
}

const MAXIMUM_BYTES = 10 * 2 ** 30;
const CONTENT = 'content';
const DESCRIPTION = 'description.json';
/** The beginning of the names of what is being made. */
const UNFINISHED = '.';
/** The end of the names of notes: what something was the last time. */
const NOTE = '.json';

export class DownloadStore {
  readonly #options: DownloadStoreOptions;
  readonly #users = new KeyedUseCount<string>();

  constructor(options: DownloadStoreOptions) {
    this.#options = options;
  }

  /** Removes what a former process did not finish. */
  async recover(): Promise<void> {
    const unfinished = readNames(this.#options.directory).filter((name) => name.startsWith(UNFINISHED));
    await Promise.all(unfinished.map((name) => this.#discard(name)));
  }

  has(name: string): boolean {
    return existsSync(join(this.#path(name), CONTENT));
  }

  /** A directory that is removed when it is disposed. */
  openTemporary(): AsyncDisposable & { readonly path: string } {
    const path = this.#path(`${UNFINISHED}${newId()}`);
    mkdirSync(path, { recursive: true, mode: 0o700 });
    return {
      path,
      [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }),
    };
  }

  /**
   * Keeps the directory `content` of a temporary one under a name; where there is one already, that stays. Only a
   * caller that {@link hold}s the name can rely on the files.
   */
  async keep(temporary: string, name: string, origin: Origin): Promise<void> {
    const sizeBytes = await this.#options.files.usage({ path: temporary });
    writeFileSync(join(temporary, DESCRIPTION), JSON.stringify({ ...origin, sizeBytes }));
    if (!this.has(name)) renameSync(temporary, this.#path(name));
    await this.#makeRoom();
  }

  /** Until it is disposed, nothing removes what has the name, or will have it: to be called before one looks for it. */
  hold(name: string): Disposable {
    return this.#users.use(name);
  }

  /** The files of a name, which counts as a use. */
  files(name: string): LocalFiles {
    const path = this.#path(name);
    const now = new Date();
    utimesSync(path, now, now);
    return {
      kind: 'local',
      directory: join(path, CONTENT),
      ignore: [],
      hold: () => Promise.resolve(this.hold(name)),
    };
  }

  /** @returns what was noted under a key */
  note(key: string): unknown {
    return this.#readJson(this.#path(`${key}${NOTE}`));
  }

  writeNote(key: string, note: unknown): void {
    const temporary = this.#path(`${UNFINISHED}${newId()}`);
    writeFileSync(temporary, JSON.stringify(note));
    renameSync(temporary, this.#path(`${key}${NOTE}`));
  }

  list(): readonly StoredDownload[] {
    return readNames(this.#options.directory)
      .filter((name) => !name.startsWith(UNFINISHED) && !name.endsWith(NOTE))
      .flatMap((name) => this.#describe(name) ?? []);
  }

  /** Removes what is not in use; the notes too when nothing is left. @returns the names of what was removed */
  async remove(names: readonly string[]): Promise<readonly string[]> {
    const unused = names.filter((name) => !this.#users.isUsed(name));
    await Promise.all(unused.map((name) => this.#discard(name)));
    if (this.list().length > 0) return unused;
    const notes = readNames(this.#options.directory).filter((name) => name.endsWith(NOTE));
    await Promise.all(notes.map((name) => this.#discard(name)));
    return unused;
  }

  #describe(name: string): StoredDownload | undefined {
    const description = this.#readJson(join(this.#path(name), DESCRIPTION));
    if (!isDescription(description)) return undefined;
    const { mtimeMs, birthtimeMs } = statSync(this.#path(name));
    const times = { createdAtMs: Math.round(birthtimeMs), usedAtMs: Math.round(mtimeMs) };
    return { name, ...description, ...times, isInUse: this.#users.isUsed(name) };
  }

  async #makeRoom(): Promise<void> {
    const { maximumBytes = MAXIMUM_BYTES } = this.#options;
    const all = this.list().toSorted((a, b) => a.usedAtMs - b.usedAtMs);
    let total = all.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    for (const { name, sizeBytes } of all) {
      if (total <= maximumBytes) return;
      // Asked only now: others were being removed meanwhile.
      if (this.#users.isUsed(name)) continue;
      await this.#discard(name);
      total -= sizeBytes;
    }
  }

  #readJson(path: string): unknown {
    try {
      return JSON.parse(readFileSync(path, 'utf8'));
    } catch (error) {
      if (isErrno(error, 'ENOENT') || error instanceof SyntaxError) return undefined;
      throw error;
    }
  }

  /** The download is renamed first, so that no build finds half of it however long its removal takes. */
  async #discard(name: string): Promise<void> {
    const path = this.#path(`${UNFINISHED}${newId()}`);
    try {
      renameSync(this.#path(name), path);
    } catch (error) {
      if (isErrno(error, 'ENOENT')) return;
      throw error;
    }
    await rm(path, { recursive: true, force: true });
  }

  #path(name: string): string {
    return join(this.#options.directory, name);
  }
}

function isDescription(value: unknown): value is Description {
  return isObject(value) && 'kind' in value && 'url' in value;
}
