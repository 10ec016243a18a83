/**
 * What builds have fetched, kept under `ROOT/builds/downloads`: each file and commit in a directory of its own, which
 * appears as a whole. The ones used longest ago go when there is no room.
 */
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { EngineError } from '#base/errors.ts';
import { newId } from '#base/ids.ts';
import { KeyedLock } from '#base/keyed-lock.ts';
import { isErrno } from '#linux/errno.ts';
import type { BuildSession } from '../build-session.ts';
import type { GitTree, HttpFile, LocalFiles, RemoteFiles } from '../build.ts';
import type { FileWorkers } from '../files/file-workers.ts';
import { Holds } from '../holds.ts';
import { serveSshAgent } from '../ssh-agent.ts';
import { checkOut, resolveCommit } from './git-tree.ts';
import { download, type HttpMetadata, withoutPassword } from './http-file.ts';

export interface DownloadOptions {
  readonly session?: BuildSession;
  readonly signal: AbortSignal;
}

export interface DownloadsOptions {
  readonly directory: string;
  readonly files: FileWorkers;
  /** What is kept. */
  readonly maximumBytes?: number;
}

/** One file, alone in its directory. */
export interface DownloadedFile extends LocalFiles {
  readonly name: string;
}

export interface Download {
  readonly name: string;
  readonly kind: RemoteFiles['kind'];
  readonly url: string;
  readonly createdAtMs: number;
  readonly usedAtMs: number;
  readonly sizeBytes: number;
  readonly isInUse: boolean;
}

type Metadata = ({ readonly kind: 'http' } & HttpMetadata) | { readonly kind: 'git'; readonly url: string };

const MAXIMUM_BYTES = 10 * 2 ** 30;
const CONTENT = 'content';
const METADATA = 'metadata.json';
const SIZE = 'size';

export class Downloads {
  readonly #options: DownloadsOptions;
  readonly #locks = new KeyedLock<string>();
  readonly #holds = new Map<string, { readonly holds: Holds; users: number }>();

  constructor(options: DownloadsOptions) {
    this.#options = options;
  }

  /** Removes what a former process did not finish. */
  async recover(): Promise<void> {
    const unfinished = this.#names().filter((name) => name.startsWith('.'));
    await Promise.all(unfinished.map((name) => this.#discard(name)));
  }

  /** Asks the server whether it is still what is here. @throws {EngineError} see `download` and `resolveCommit` */
  async get(source: RemoteFiles, options: DownloadOptions): Promise<LocalFiles> {
    return source.kind === 'http' ? await this.file(source, options) : await this.#tree(source, options);
  }

  /** @throws {EngineError} `invalid` if it is not what its checksum says */
  async file({ url, checksum }: HttpFile, { signal }: DownloadOptions): Promise<DownloadedFile> {
    const key = hashOf('http', url);
    using _lock = await this.#locks.acquire(key);
    const former = this.#metadata(key);
    const known = former?.kind === 'http' ? former : undefined;
    // What is known by its contents need not be asked for.
    const isKnown = checksum !== undefined && known?.digest === checksum;
    const fresh = isKnown ? known : ((await this.#download(key, url, known, signal)) ?? known);
    if (!fresh) throw new EngineError('unavailable', `Cannot fetch ${url}: the server sent nothing`);
    if (checksum !== undefined && fresh.digest !== checksum)
      throw new EngineError('invalid', `digest mismatch ${fresh.digest}: ${checksum}`);
    const { name, digest, lastModified } = fresh;
    return { ...this.#local(key), identity: hashOf(digest, name, lastModified), name };
  }

  /** What is kept; a URL's password is not in its description. */
  list(): readonly Download[] {
    return this.#names()
      .filter((name) => !name.startsWith('.'))
      .flatMap((name) => this.#describe(name) ?? []);
  }

  /** Removes what nobody uses. @returns the names of what was removed */
  async remove(names: readonly string[]): Promise<readonly string[]> {
    const unused = names.filter((name) => !this.#holds.has(name) && !this.#locks.isHeld(name));
    await Promise.all(unused.map((name) => this.#discard(name)));
    return unused;
  }

  #describe(name: string): Download | undefined {
    const metadata = this.#metadata(name);
    if (!metadata) return undefined;
    const { mtimeMs, birthtimeMs } = statSync(this.#path(name));
    return {
      name,
      kind: metadata.kind,
      url: withoutPassword(metadata.url),
      createdAtMs: Math.round(birthtimeMs),
      usedAtMs: Math.round(mtimeMs),
      sizeBytes: this.#size(name),
      isInUse: this.#holds.has(name) || this.#locks.isHeld(name),
    };
  }

  async #tree(source: GitTree, options: DownloadOptions): Promise<LocalFiles> {
    const { url, keepGitDirectory, directory, checksum } = source;
    await using agent = await this.#agentFor(url, options);
    const git = { signal: options.signal, ...(agent.path !== undefined && { sshAgent: agent.path }) };
    const commit = await resolveCommit(source, git);
    if (checksum !== undefined && !commit.startsWith(checksum))
      throw new EngineError('invalid', `expected checksum to match ${checksum}, got ${commit}`);
    const key = hashOf('git', url, commit, keepGitDirectory);
    using _lock = await this.#locks.acquire(key);
    if (!existsSync(join(this.#path(key), CONTENT)))
      await this.#make(key, async (temporary) => {
        await checkOut(source, commit, join(temporary, CONTENT), git);
        writeFileSync(join(temporary, METADATA), JSON.stringify({ kind: 'git', url }));
      });
    const local = this.#local(key);
    const identity = hashOf(commit, keepGitDirectory, directory);
    return { ...local, identity, directory: join(local.directory, directory) };
  }

  async #download(
    key: string,
    url: string,
    known: HttpMetadata | undefined,
    signal: AbortSignal,
  ): Promise<HttpMetadata | undefined> {
    let fresh: HttpMetadata | undefined;
    await this.#make(key, async (temporary) => {
      const content = join(temporary, CONTENT);
      mkdirSync(content, { mode: 0o755 });
      const path = join(content, '.new');
      fresh = await download({ url, path, signal, ...(known && { known }) });
      if (!fresh) return false;
      renameSync(path, join(content, fresh.name));
      writeFileSync(join(temporary, METADATA), JSON.stringify({ kind: 'http', ...fresh }));
      return true;
    });
    return fresh;
  }

  /** @param work fills the directory; false: what was there stays */
  async #make(key: string, work: (temporary: string) => Promise<boolean | void>): Promise<void> {
    const { directory, files } = this.#options;
    const temporary = join(directory, `.${newId()}`);
    mkdirSync(temporary, { recursive: true, mode: 0o700 });
    try {
      if ((await work(temporary)) === false) return;
      const sizeBytes = await files.usage({ path: temporary });
      writeFileSync(join(temporary, SIZE), String(sizeBytes));
      await this.#holds.get(key)?.holds.released();
      await this.#discard(key);
      renameSync(temporary, this.#path(key));
      await this.#makeRoom(key);
    } finally {
      await rm(temporary, { recursive: true, force: true });
    }
  }

  #local(key: string): LocalFiles {
    const path = this.#path(key);
    const now = new Date();
    utimesSync(path, now, now);
    return { kind: 'local', directory: join(path, CONTENT), ignore: [], hold: async () => this.#hold(key) };
  }

  #hold(key: string): Disposable {
    const entry = this.#holds.get(key) ?? { holds: new Holds(), users: 0 };
    this.#holds.set(key, entry);
    entry.users += 1;
    const held = entry.holds.acquire();
    return {
      [Symbol.dispose]: () => {
        entry.users -= 1;
        if (entry.users === 0) this.#holds.delete(key);
        held[Symbol.dispose]();
      },
    };
  }

  /** The agent of the client, where git needs one. */
  async #agentFor(
    url: string,
    options: DownloadOptions,
  ): Promise<AsyncDisposable & { readonly path?: string }> {
    await using undo = new AsyncDisposableStack();
    if (options.session && !/^(?:https?|git):/.test(url)) {
      const directory = join(this.#options.directory, `.${newId()}`);
      mkdirSync(directory, { recursive: true, mode: 0o700 });
      undo.defer(() => rm(directory, { recursive: true, force: true }));
      const mount = { id: 'default', required: false, owner: { uid: 0, gid: 0, mode: 0o600 } };
      const socket = await serveSshAgent(mount, directory, options);
      if (socket) undo.use(socket);
      const kept = undo.move();
      return { ...(socket && { path: socket.path }), [Symbol.asyncDispose]: () => kept.disposeAsync() };
    }
    return { [Symbol.asyncDispose]: () => Promise.resolve() };
  }

  #metadata(key: string): Metadata | undefined {
    try {
      return JSON.parse(readFileSync(join(this.#path(key), METADATA), 'utf8'));
    } catch (error) {
      if (isErrno(error, 'ENOENT') || error instanceof SyntaxError) return undefined;
      throw error;
    }
  }

  async #makeRoom(newest: string): Promise<void> {
    const { maximumBytes = MAXIMUM_BYTES } = this.#options;
    const all = this.#names()
      .filter((name) => !name.startsWith('.'))
      .map((name) => ({ name, usedAtMs: statSync(this.#path(name)).mtimeMs, sizeBytes: this.#size(name) }))
      .toSorted((a, b) => a.usedAtMs - b.usedAtMs);
    let total = all.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    for (const { name, sizeBytes } of all) {
      if (total <= maximumBytes) return;
      if (name === newest || this.#holds.has(name) || this.#locks.isHeld(name)) continue;
      await this.#discard(name);
      total -= sizeBytes;
    }
  }

  #size(name: string): number {
    try {
      return Number(readFileSync(join(this.#path(name), SIZE), 'utf8'));
    } catch {
      return 0;
    }
  }

  #names(): readonly string[] {
    try {
      return readdirSync(this.#options.directory);
    } catch (error) {
      if (isErrno(error, 'ENOENT')) return [];
      throw error;
    }
  }

  async #discard(name: string): Promise<void> {
    await rm(this.#path(name), { recursive: true, force: true });
  }

  #path(key: string): string {
    return join(this.#options.directory, key);
  }
}

function hashOf(...parts: readonly unknown[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex');
}
