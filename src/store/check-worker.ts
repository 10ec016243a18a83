/** A thread that looks for damage in a database: `workerData` is its path, the message what is wrong, or undefined. */
import { parentPort, workerData } from 'node:worker_threads';
import { databaseProblem } from './metadata-check.ts';

parentPort?.postMessage(databaseProblem(String(workerData)), []);
