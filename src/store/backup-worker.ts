/** Copies the metadata on a thread of its own: it reads all of it, and syncs. */
import { workerData } from 'node:worker_threads';
import { backUpDatabase } from './metadata-backup.ts';

backUpDatabase(String(workerData));
