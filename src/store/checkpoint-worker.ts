/** Moves the write-ahead log into the database on a thread of its own: it syncs, and may take tens of milliseconds. */
import { DatabaseSync } from 'node:sqlite';
import { workerData } from 'node:worker_threads';

const database = new DatabaseSync(String(workerData));
database.exec('PRAGMA busy_timeout = 5000; PRAGMA synchronous = NORMAL; PRAGMA wal_checkpoint(PASSIVE)');
database.close();
