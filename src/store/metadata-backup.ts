/** The copy of the metadata, `ROOT/metadata.db.backup`: whole, checked, and durable whenever it has this name. */
import { closeSync, fsyncSync, openSync, renameSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Worker } from 'node:worker_threads';
import { messageOf } from '#base/errors.ts';
import type { Logger } from '#base/log.ts';
import { workerModule } from '#base/worker-module.ts';
import { databaseProblem } from './metadata-check.ts';
import { metadataPaths } from './metadata-paths.ts';
import { storeError } from './store-errors.ts';

/** How old the copy becomes while the metadata changes. */
const INTERVAL_MS = 5 * 60_000;

/** Copies a database that others may be writing. A copy that fails leaves the one before. */
export function backUpDatabase(path: string): void {
  const { backup } = metadataPaths(dirname(path));
  const copy = `${backup}.new`;
  rmSync(copy, { force: true });
  {
    using database = new DatabaseSync(path, { timeout: 5000 });
    database.prepare('VACUUM INTO ?').run(copy);
  }
  checkDatabase(copy);
  syncHere(copy);
  renameSync(copy, backup);
  syncHere(dirname(path));
}

function checkDatabase(path: string): void {
  const problem = databaseProblem(path);
  if (problem !== undefined) throw storeError('metadata-not-written', { details: { problem } });
}

function syncHere(path: string): void {
  const fd = openSync(path, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/**
 * Keeps the copy of one engine's metadata: every few minutes where they have changed, on a thread, and when it is
 * disposed, which must be before the metadata are closed.
 */
export class MetadataBackup implements AsyncDisposable {
  readonly #path: string;
  readonly #logger: Logger;
  readonly #countChanges: () => number;
  readonly #timer: NodeJS.Timeout;
  #running: Promise<void> | undefined;
  /** The count of changes that the copy has; what a former engine has changed, this one cannot count. */
  #copied: number | undefined;

  constructor(root: string, database: DatabaseSync, logger: Logger) {
    this.#path = metadataPaths(root).database;
    this.#logger = logger;
    const statement = database.prepare('SELECT total_changes() AS changes');
    this.#countChanges = () => Number(statement.get()?.['changes']);
    this.#timer = setInterval(() => this.#copyOnThread(), INTERVAL_MS).unref();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    await this.#running;
    if (this.#countChanges() === this.#copied) return;
    try {
      backUpDatabase(this.#path);
    } catch (error) {
      this.#failed(error);
    }
  }

  #copyOnThread(): void {
    const changes = this.#countChanges();
    if (this.#running || changes === this.#copied) return;
    const worker = new Worker(workerModule('backup-worker', import.meta.url), {
      workerData: this.#path,
      execArgv: [],
    });
    worker.unref();
    this.#running = new Promise((resolve) => {
      worker.once('error', (error) => this.#failed(error));
      worker.once('exit', (code) => {
        if (code === 0) this.#copied = changes;
        this.#running = undefined;
        resolve();
      });
    });
  }

  #failed(error: unknown): void {
    this.#logger.warn('the metadata were not copied', { path: this.#path, error: messageOf(error) });
  }
}
