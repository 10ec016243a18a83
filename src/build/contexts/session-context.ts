import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { EngineError } from '#base/errors.ts';
import { encodeErofsIndex } from '#layer/erofs-index.ts';
import { mountErofs, unmountAll } from '#linux/mount.ts';
import type { BuildSession } from '../session/build-session.ts';
import type { HeldTable, LocalFiles } from '../definition/vertex.ts';
import { packTable, type PackedTable } from '../files/packed-table.ts';
import { UseCount } from '#base/use-count.ts';
import type { ContextSourceFiles, ContextWork } from './context-source.ts';
import type { FileTable } from './file-table.ts';
import { readSessionFiles } from './session-files.ts';
import type { SyncedFiles } from './synced-directory.ts';
import { tableTar } from './table-tar.ts';

export interface SessionContextOptions {
  /** Makes an empty directory, only for it. */
  readonly makeRoot: () => string;
  /** Only what these patterns match is received; empty: everything. */
  readonly includePatterns?: readonly string[];
  readonly signal: AbortSignal;
}

/**
 * A client's directory. What is planned may name its files at once; they are asked for when it is known which are
 * needed, and made a directory of this machine when something is to read them. Checksums need no such directory.
 */
export class SessionContext implements ContextSourceFiles {
  readonly isWhole = false;
  readonly #work: Pick<ContextWork, 'contexts' | 'intake'>;
  readonly #session: BuildSession;
  readonly #directory: string;
  readonly #options: SessionContextOptions;
  readonly #holds = new UseCount();
  #ignore: readonly string[] = [];
  #synced: SyncedFiles | undefined;
  #root: string | undefined;
  #mounting: Promise<void> | undefined;
  #packed: PackedTable | undefined;

  /** @param directory as the session knows it */
  constructor(
    work: Pick<ContextWork, 'contexts' | 'intake'>,
    session: BuildSession,
    directory: string,
    options: SessionContextOptions,
  ) {
    this.#work = work;
    this.#session = session;
    this.#directory = directory;
    this.#options = options;
  }

  read(paths: readonly string[]): Promise<ReadonlyMap<string, string>> {
    return readSessionFiles(this.#session, this.#directory, paths, this.#options.signal);
  }

  files(ignore: readonly string[]): LocalFiles {
    this.#ignore = ignore;
    const table = () => this.#received().table;
    const mountPath = () => this.#mountPath;
    return {
      kind: 'local',
      get directory() {
        return mountPath();
      },
      // The client has left them out.
      ignore: [],
      get known() {
        return table();
      },
      get identity() {
        return table().identity;
      },
      hold: () => this.#hold(),
      holdPacked: () => this.#holdPacked(),
    };
  }

  async receive(paths: readonly string[], onProgress: (transferredBytes: number) => void): Promise<void> {
    const { includePatterns = [] } = this.#options;
    const query = {
      directory: this.#directory,
      followPaths: paths,
      includePatterns,
      excludePatterns: this.#ignore,
    };
    const { signal } = this.#options;
    const options = { signal, onProgress: this.#withThread(onProgress) };
    this.#synced = await this.#work.contexts.sync(this.#session, query, options);
  }

  /** What is new will be copied: the thread for it starts meanwhile. */
  #withThread(onProgress: (transferredBytes: number) => void): (transferredBytes: number) => void {
    let isReady = false;
    return (transferredBytes) => {
      if (!isReady) this.#work.intake.files.warm();
      isReady = true;
      onProgress(transferredBytes);
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#holds.unused();
    if (this.#mounting) {
      await this.#mounting.catch(() => undefined);
      unmountAll(this.#mountPath);
    }
    this.#synced?.[Symbol.dispose]();
  }

  /** Made when it is needed: a build that finds everything in the cache needs none. */
  get #mountPath(): string {
    this.#root ??= this.#options.makeRoot();
    return join(this.#root, 'files');
  }

  #received(): SyncedFiles {
    if (this.#synced) return this.#synced;
    throw new EngineError('internal', 'Cannot read build context: it was not received');
  }

  async #hold(): Promise<Disposable> {
    const held = this.#holds.use();
    try {
      await (this.#mounting ??= this.#mount());
      return held;
    } catch (error) {
      held[Symbol.dispose]();
      throw error;
    }
  }

  #holdPacked(): HeldTable {
    const { entries, dataFd } = this.#received();
    const held = this.#holds.use();
    this.#packed ??= packTable(entries, dataFd);
    return { packed: this.#packed, [Symbol.dispose]: () => held[Symbol.dispose]() };
  }

  async #mount(): Promise<void> {
    const { table, dataFd, dataBytes } = this.#received();
    mkdirSync(this.#mountPath, { recursive: true, mode: 0o755 });
    if (this.#work.intake.layers.kind !== 'erofs') return await this.#extract(table, dataFd);
    const index = `${this.#mountPath}.index`;
    writeFileSync(index, encodeErofsIndex(table.layerTree, dataBytes), { flag: 'wx', mode: 0o600 });
    mountErofs({ target: this.#mountPath, index, device: `/proc/self/fd/${dataFd}` });
  }

  /** Extracts the files, where the kernel cannot mount them. */
  async #extract(table: FileTable, dataFd: number): Promise<void> {
    const { signal } = this.#options;
    const options = { noOverwriteDirNonDir: false, copyUidGid: false, signal };
    await this.#work.intake.archive.put(this.#mountPath, '/', tableTar(table, dataFd), options);
  }
}
