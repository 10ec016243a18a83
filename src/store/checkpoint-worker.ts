/**
 * Moves the write-ahead log into the database on a thread of its own: it syncs, which takes milliseconds on an idle
 * disk and seconds on a busy one.
 *
 * Only passive passes, which hold up no writer: any other kind syncs while it holds the lock of writers, so that they
 * would stop the event loop for as long, and fail once that is longer than their patience. Where a pass has moved
 * everything, the next writer begins the log anew and cuts it.
 */
import { DatabaseSync } from 'node:sqlite';
import { workerData } from 'node:worker_threads';

const database = new DatabaseSync(String(workerData));
database.exec('PRAGMA synchronous = NORMAL');
const pass = database.prepare('PRAGMA wal_checkpoint(PASSIVE)');
// What came during a pass takes another. With a reader in its way, a pass does not get to the end.
for (let before = 0; ; ) {
  const { log, checkpointed } = pass.get() ?? {};
  if (checkpointed !== log || Number(log) <= before) break;
  before = Number(log);
}
database.close();
