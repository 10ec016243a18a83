import { once } from 'node:events';
import { DatabaseSync } from 'node:sqlite';
import { Worker } from 'node:worker_threads';
import { messageOf } from '#base/errors.ts';
import { workerModule } from '#base/worker-module.ts';
import { metadataPaths } from './metadata-paths.ts';

/** What is wrong with a database; undefined: nothing. Blocks. */
export function databaseProblem(path: string): string | undefined {
  try {
    using database = new DatabaseSync(path, { readOnly: true, timeout: 5000 });
    const verdict = Object.values(database.prepare('PRAGMA quick_check(1)').get() ?? {}).join();
    return verdict === 'ok' ? undefined : verdict;
  } catch (error) {
    return messageOf(error);
  }
}

/** The same for the metadata of a root, on a thread. */
export async function checkMetadata(root: string): Promise<string | undefined> {
  const worker = new Worker(workerModule('check-worker', import.meta.url), {
    workerData: metadataPaths(root).database,
    execArgv: [],
  });
  const [problem] = await once(worker, 'message');
  return problem === undefined ? undefined : String(problem);
}
