/**
 * What builds have fetched, kept under `ROOT/builds/downloads`: each file and each commit in a directory of its own.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { isObject } from '#base/json.ts';
import { EngineError } from '#base/errors.ts';
import { KeyedLock } from '#base/keyed-lock.ts';
import { digestHex } from '#oci/digest.ts';
import type { BuildSession } from '../session/build-session.ts';
import type { GitTree, HttpFile, LocalFiles, RemoteFiles } from '../definition/vertex.ts';
import { DownloadStore, type DownloadStoreOptions, type StoredDownload } from './download-store.ts';
import { GitAccess } from './git-access.ts';
import { checkOut, resolveCommit, directoryIn } from './git-tree.ts';
import { download, type HttpMetadata } from './http-file.ts';
import { withoutPassword } from '#registry/open-url.ts';

export interface DownloadOptions {
  readonly session?: BuildSession;
  readonly signal: AbortSignal;
}

/** Until it is disposed, the files stay: held since before they were looked for. */
export interface HeldFiles<Files extends LocalFiles = LocalFiles> extends Disposable {
  readonly files: Files;
}

/** A file, alone in its directory. */
export interface DownloadedFile extends LocalFiles {
  readonly name: string;
}

/** What a server said of a file the last time. */
interface KnownFile extends HttpMetadata {
  /** Its name in the store. */
  readonly stored: string;
}

interface FileDownload {
  readonly known: KnownFile | undefined;
  readonly signal: AbortSignal;
  /** Holds what is downloaded, too. */
  readonly held: DisposableStack;
}

const CONTENT = 'content';

export class Downloads {
  readonly #store: DownloadStore;
  readonly #locks = new KeyedLock<string>();

  constructor(options: DownloadStoreOptions) {
    this.#store = new DownloadStore(options);
  }

  /** Removes what a former process did not finish. */
  recover(): Promise<void> {
    return this.#store.recover();
  }

  /** Asks the server whether it is still what is here. @throws {EngineError} see `download` and `resolveCommit` */
  async get(source: RemoteFiles, options: DownloadOptions): Promise<HeldFiles> {
    return source.kind === 'http' ? await this.file(source, options) : await this.#tree(source, options);
  }

  /** @throws {EngineError} `invalid` if it is not what its checksum says */
  async file({ url, checksum }: HttpFile, { signal }: DownloadOptions): Promise<HeldFiles<DownloadedFile>> {
    using _lock = await this.#locks.acquire(url, signal);
    using held = new DisposableStack();
    const known = this.#known(url);
    if (known) held.use(this.#store.hold(known.stored));
    // What is known by its contents need not be asked for.
    const isEnough = known !== undefined && known.digest === checksum;
    const file = isEnough ? known : ((await this.#download(url, { known, signal, held })) ?? known);
    if (!file) throw new EngineError('unavailable', `Cannot fetch ${withoutPassword(url)}: nothing was sent`);
    const { name, digest, stored } = file;
    if (checksum !== undefined && digest !== checksum)
      throw new EngineError('invalid', `digest mismatch ${digest}: ${checksum}`);
    const origin = { url, digest: { sha256: digestHex(digest) } };
    return heldFiles({ ...this.#store.files(stored), identity: stored, name, origin }, held);
  }

  /** What is kept; passwords are not in its URLs. */
  list(): readonly StoredDownload[] {
    return this.#store.list().map((stored) => ({ ...stored, url: withoutPassword(stored.url) }));
  }

  /** Removes what is not in use. @returns the names of what was removed */
  remove(names: readonly string[]): Promise<readonly string[]> {
    return this.#store.remove(names);
  }

  #known(url: string): KnownFile | undefined {
    const note = this.#store.note(hashOf('http', url));
    return isKnownFile(note) && this.#store.has(note.stored) ? note : undefined;
  }

  /** Undefined: what is known is what there is. */
  async #download(url: string, { known, signal, held }: FileDownload): Promise<KnownFile | undefined> {
    await using temporary = this.#store.openTemporary();
    const content = join(temporary.path, CONTENT);
    mkdirSync(content, { mode: 0o755 });
    const path = join(content, '.new');
    const metadata = await download({ url, path, signal, ...(known && { known }) });
    if (!metadata) return undefined;
    const { name, digest, lastModified } = metadata;
    renameSync(path, join(content, name));
    const file = { ...metadata, stored: hashOf('http', url, name, digest, lastModified) };
    held.use(this.#store.hold(file.stored));
    await this.#store.keep(temporary.path, file.stored, { kind: 'http', url });
    this.#store.writeNote(hashOf('http', url), file);
    return file;
  }

  async #tree(source: GitTree, options: DownloadOptions): Promise<HeldFiles> {
    const { url, ref, keepGitDirectory, directory, checksum } = source;
    const { withoutSubmodules, hasCommitTime } = source;
    await using access = new GitAccess(source, {
      ...options,
      openTemporary: () => this.#store.openTemporary(),
    });
    const git = { signal: options.signal, access };
    const commit = await resolveCommit(source, git);
    if (checksum !== undefined && !commit.startsWith(checksum))
      throw new EngineError('invalid', `expected checksum to match ${checksum}, got ${commit}`);
    const ways = [keepGitDirectory, withoutSubmodules === true, hasCommitTime === true];
    const stored = hashOf('git', url, commit, ways);
    using _lock = await this.#locks.acquire(stored, options.signal);
    using held = new DisposableStack();
    held.use(this.#store.hold(stored));
    if (!this.#store.has(stored)) {
      await using temporary = this.#store.openTemporary();
      await checkOut(source, commit, join(temporary.path, CONTENT), git);
      await this.#store.keep(temporary.path, stored, { kind: 'git', url });
    }
    const files = this.#store.files(stored);
    const identity = hashOf(commit, ways, directory);
    const origin = { url: ref === '' ? url : `${url}#${ref}`, digest: { sha1: commit } };
    return heldFiles({ ...files, identity, origin, directory: directoryIn(files.directory, source) }, held);
  }
}

/** Takes over what is held. */
function heldFiles<Files extends LocalFiles>(files: Files, held: DisposableStack): HeldFiles<Files> {
  const kept = held.move();
  return { files, [Symbol.dispose]: () => kept.dispose() };
}

function isKnownFile(value: unknown): value is KnownFile {
  return isObject(value) && 'stored' in value && 'digest' in value;
}

function hashOf(...parts: readonly unknown[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex');
}
