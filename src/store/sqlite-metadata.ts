/** The metadata database: `ROOT/metadata.db` with its write-ahead log. */
import { closeSync, existsSync, fstatSync, fsyncSync, mkdirSync, openSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { Worker } from 'node:worker_threads';
import { messageOf } from '#base/errors.ts';
import { reserveBehind } from '#linux/files.ts';
import { workerModule } from '#base/worker-module.ts';
import { diskError, syncData, syncDirectory } from './disk.ts';
import { GroupSync } from '#base/group-sync.ts';
import { damagedMetadata, requireMetadata, requireTables } from './lost-metadata.ts';
import { metadataPaths } from './metadata-paths.ts';
import type { Metadata, Migrations } from './metadata.ts';
import { lockRoot } from './directory-lock.ts';
import { migrate } from './migrate.ts';
import { storeError } from './store-errors.ts';

/** Beyond this size the log is moved into the database, off the event loop. */
const CHECKPOINT_BYTES = 8 * 1024 * 1024;
/** Set aside on the disk for the log: on a full disk some hundred removals are recorded, which make room. */
const RESERVED_BYTES = 1024 * 1024;
/** Where even that did not keep up, the writer does it itself. */
const AUTOMATIC_CHECKPOINT_PAGES = 32_768;

/** Of `st_blocks` (stat(2)). */
const BLOCK_BYTES = 512;

export class SqliteMetadata implements Metadata {
  readonly database: DatabaseSync;
  readonly #root: string;
  readonly #path: string;
  readonly #resources = new DisposableStack();
  #walFd: number | undefined;
  readonly #log = new GroupSync(() => this.#sync());
  #isCheckpointing = false;
  #isNameSynced = false;

  /**
   * Opens or makes the database of `root` and brings it up to date.
   *
   * @param evidence what shows that `root` had a database; see {@link requireMetadata}
   * @throws {EngineError} `conflict` while another engine has `root` open, or where a newer one wrote it, `unavailable`
   *   where the database is lost or damaged
   */
  constructor(root: string, migrations: readonly Migrations[], evidence: readonly string[] = []) {
    mkdirSync(root, { recursive: true, mode: 0o710 });
    this.#root = root;
    this.#path = metadataPaths(root).database;
    using resources = new DisposableStack();
    resources.use(lockRoot(root));
    requireMetadata(root, evidence);
    const isNew = !existsSync(this.#path);
    this.database = resources.adopt(new DatabaseSync(this.#path, { timeout: 5000 }), (database) =>
      database.close(),
    );
    try {
      requireTables(root, this.database, evidence);
      this.#configure();
      migrate(this.database, migrations);
    } catch (error) {
      throw isCorrupt(error) ? damagedMetadata(root, messageOf(error), error) : error;
    }
    if (isNew) this.#makeDurable();
    this.#reserve(this.#openLog());
    this.#resources = resources.move();
  }

  /** There is no data before there are durable metadata: without them, it would count as data that has lost them. */
  #makeDurable(): void {
    this.database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    const fd = openSync(this.#root, 'r');
    try {
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
  }

  transaction<T>(work: () => T): T {
    try {
      this.database.exec('BEGIN IMMEDIATE');
      const result = work();
      this.database.exec('COMMIT');
      return result;
    } catch (error) {
      if (this.database.isTransaction) this.database.exec('ROLLBACK');
      throw sqliteError(error);
    }
  }

  durable(): Promise<void> {
    return this.#log.sync();
  }

  [Symbol.dispose](): void {
    if (this.#walFd !== undefined) closeSync(this.#walFd);
    this.#walFd = undefined;
    this.#resources.dispose();
  }

  /** A log that begins anew is cut to what it holds, so that its size tells when the next checkpoint is due. */
  #configure(): void {
    this.database.exec(`
      PRAGMA journal_mode = WAL;
      PRAGMA synchronous = NORMAL;
      PRAGMA foreign_keys = ON;
      PRAGMA wal_autocheckpoint = ${AUTOMATIC_CHECKPOINT_PAGES};
      PRAGMA journal_size_limit = 0;
    `);
  }

  async #sync(): Promise<void> {
    const fd = this.#openLog();
    if (fd === undefined) return;
    try {
      await syncData(fd);
      if (!this.#isNameSynced) await syncDirectory(this.#root);
      this.#isNameSynced = true;
    } catch (error) {
      throw diskError(error, 'metadata');
    }
    if (this.#walFd !== fd) return;
    this.#reserve(fd);
    this.#checkpointIfLarge(fd);
  }

  /** The log is made once and kept until the database is closed. */
  #openLog(): number | undefined {
    const path = `${this.#path}-wal`;
    if (this.#walFd === undefined && existsSync(path)) this.#walFd = openSync(path, 'r+');
    return this.#walFd;
  }

  /** What the log has grown into is set aside anew; a checkpoint gives all of it back. */
  #reserve(fd: number | undefined): void {
    if (fd === undefined) return;
    const { size, blocks } = fstatSync(fd);
    if (blocks * BLOCK_BYTES < size + RESERVED_BYTES / 2) reserveBehind(fd, size, RESERVED_BYTES);
  }

  #checkpointIfLarge(fd: number): void {
    if (this.#isCheckpointing || fstatSync(fd).size < CHECKPOINT_BYTES) return;
    this.#isCheckpointing = true;
    const worker = new Worker(workerModule('checkpoint-worker', import.meta.url), {
      workerData: this.#path,
      execArgv: [],
    });
    worker.unref();
    worker.once('error', () => undefined);
    worker.once('exit', () => {
      this.#isCheckpointing = false;
    });
  }
}

/** SQLITE_FULL (sqlite.org/rescode.html). */
const SQLITE_FULL = 13;
const SQLITE_IOERR = 10;
const SQLITE_CORRUPT = 11;
const SQLITE_NOTADB = 26;

function isCorrupt(error: unknown): boolean {
  return [SQLITE_CORRUPT, SQLITE_NOTADB].includes(primaryCode(error));
}

function sqliteError(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const primary = primaryCode(error);
  if (primary === SQLITE_FULL) return storeError('store-disk-full', { subject: 'metadata', cause: error });
  if (primary === SQLITE_IOERR)
    return storeError('metadata-not-written', { details: { problem: error.message }, cause: error });
  return error;
}

/** Zero for what is not an error of SQLite's. */
function primaryCode(error: unknown): number {
  return error instanceof Error && 'errcode' in error ? Number(error.errcode) & 0xff : 0;
}
