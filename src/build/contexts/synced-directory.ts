import { closeSync, ftruncateSync, fstatSync, mkdirSync, openSync, readdirSync } from 'node:fs';
import { unlink, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { isErrno } from '#linux/errno.ts';
import { syncData, unlinkIfThere } from '#store/disk.ts';
import { copyContents } from './copy-contents.ts';
import { FileTable } from './file-table.ts';
import type { StoredEntry } from './stored-entry.ts';
import type { FileTransfer } from '../session/build-session.ts';
import { receiveFiles } from './receive-files.ts';
import { readTable, writeTable } from './table-file.ts';

/** Garbage below this is not worth a copy of what is left. */
const MINIMUM_GARBAGE_BYTES = 32 << 20;
/** Its time is that of the latest use. */
export const TABLE = 'table';

/** A data file in use: its descriptor stays open until the last user is done, even if it was replaced meanwhile. */
class DataFile {
  readonly path: string;
  readonly name: string;
  readonly fd: number;
  #users = 1;

  constructor(directory: string, name: string, flags: string) {
    this.path = join(directory, name);
    this.name = name;
    this.fd = openSync(this.path, flags, 0o600);
  }

  use(): Disposable {
    this.#users++;
    return { [Symbol.dispose]: () => this.release() };
  }

  release(): void {
    if (--this.#users === 0) closeSync(this.fd);
  }
}

/** What one build sees of a synced directory, until it is disposed; later syncs do not change it. */
export interface SyncedFiles extends Disposable {
  readonly table: FileTable;
  /** What the table was made of. */
  readonly entries: readonly StoredEntry[];
  /** A descriptor of the contents, whose file may have no name any more. */
  readonly dataFd: number;
  readonly dataBytes: number;
  readonly transferredBytes: number;
}

/**
 * One directory of one client, with all that was received of it. Contents are only ever appended to a data file; the
 * table that says what is where is replaced as a whole, and never before the contents it tells of are on disk: a
 * process that ends at any moment leaves the former or the new state.
 */
export class SyncedDirectory implements Disposable {
  readonly #directory: string;
  #data: DataFile;
  #endBytes: number;
  readonly #entries: Map<string, StoredEntry>;
  /** All that the latest sync told of. */
  #latest: readonly StoredEntry[] = [];
  #table = new FileTable([]);
  /** What the client has told with its latest listing. */
  marks: FileTransfer['marks'];

  /** Opens what is there, or begins anew where that cannot be used. */
  constructor(directory: string) {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    this.#directory = directory;
    const table = readTable(this.#tablePath);
    const data = table && openData(directory, table.data, table.endBytes);
    this.#data = data ?? new DataFile(directory, nextName(directory), 'wx+');
    this.#endBytes = (data && table?.endBytes) ?? 0;
    this.#entries = new Map(data && table?.entries.map((stored) => [stored.entry.path, stored]));
    for (const name of readdirSync(directory))
      if (name.startsWith('data-') && name !== this.#data.name) unlinkIfThere(join(directory, name));
  }

  /** Files that are in memory. */
  get fileCount(): number {
    return Math.max(this.#entries.size, this.#latest.length);
  }

  get sizeBytes(): number {
    return this.#endBytes;
  }

  /**
   * Must be called one at a time. What the client does not tell of is kept: another build of it may ask for other
   * files.
   */
  async sync(transfer: FileTransfer, onProgress: (transferredBytes: number) => void): Promise<SyncedFiles> {
    const target = {
      fd: this.#data.fd,
      endBytes: this.#endBytes,
      known: (path: string) => this.#entries.get(path),
      latest: this.#latest,
    };
    const { entries, endBytes, transferredBytes } = await receiveFiles(transfer, target, onProgress);
    this.#endBytes = endBytes;
    this.marks = transfer.marks;
    if (entries !== this.#latest) this.#remember(entries);
    const table = this.#table;
    const use = this.#data.use();
    return {
      table,
      entries,
      dataFd: this.#data.fd,
      dataBytes: endBytes,
      transferredBytes,
      [Symbol.dispose]: () => use[Symbol.dispose](),
    };
  }

  #remember(entries: readonly StoredEntry[]): void {
    this.#table = new FileTable(entries);
    this.#latest = entries;
    for (const stored of entries) if (stored.storedBytes > 0) this.#entries.set(stored.entry.path, stored);
  }

  /**
   * Makes room where most of the data file is garbage; not while a sync runs.
   *
   * @returns a function that stores what was received, for the next process; syncs may go on meanwhile
   */
  async checkpoint(): Promise<() => Promise<void>> {
    const liveBytes = this.#latest.reduce((total, { storedBytes }) => total + storedBytes, 0);
    const garbageBytes = this.#endBytes - liveBytes;
    const former = this.#data;
    if (garbageBytes > liveBytes && garbageBytes > MINIMUM_GARBAGE_BYTES) await this.#compact();
    const data = this.#data;
    const use = data.use();
    const table = { data: data.name, endBytes: this.#endBytes, entries: [...this.#entries.values()] };
    return async () => {
      using _used = use;
      await syncData(data.fd);
      await writeTable(this.#tablePath, table);
      if (data === former) return;
      await unlink(former.path);
      former.release();
    };
  }

  /** Tells other processes that it was used. */
  async touch(): Promise<void> {
    const now = Date.now() / 1000;
    await utimes(this.#tablePath, now, now).catch(ignoreMissing);
  }

  [Symbol.dispose](): void {
    this.#data.release();
  }

  get #tablePath(): string {
    return join(this.#directory, TABLE);
  }

  /** Copies what the latest sync told of into a data file that holds nothing else. */
  async #compact(): Promise<void> {
    const data = new DataFile(this.#directory, nextName(this.#directory), 'wx+');
    const { entries, endBytes } = await copyContents(this.#data.fd, data.fd, this.#latest);
    this.#data = data;
    this.#endBytes = endBytes;
    this.#entries.clear();
    this.#remember(entries);
  }
}

function openData(directory: string, name: string, endBytes: number): DataFile | undefined {
  try {
    const file = new DataFile(directory, name, 'r+');
    if (fstatSync(file.fd).size >= endBytes) {
      ftruncateSync(file.fd, endBytes);
      return file;
    }
    file.release();
  } catch {
    // It begins anew.
  }
  return undefined;
}

/** A name that no data file has. */
function nextName(directory: string): string {
  const numbers = readdirSync(directory).map((name) => Number(/^data-(\d+)$/.exec(name)?.[1] ?? 0));
  return `data-${Math.max(0, ...numbers) + 1}`;
}

function ignoreMissing(error: unknown): void {
  if (!isErrno(error, 'ENOENT')) throw error;
}
