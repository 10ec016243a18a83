/**
 * Moves the write-ahead log into the database on a thread of its own: it syncs, and may take tens of milliseconds.
 *
 * The first pass does nearly all of it and holds up nobody. The second cuts the log to nothing, so that its size
 * tells again when the next checkpoint is due; writers wait for the little that came in between.
 */
import { DatabaseSync } from 'node:sqlite';
import { workerData } from 'node:worker_threads';

const database = new DatabaseSync(String(workerData));
database.exec('PRAGMA busy_timeout = 5000; PRAGMA synchronous = NORMAL');
database.exec('PRAGMA wal_checkpoint(PASSIVE)');
database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
database.close();
