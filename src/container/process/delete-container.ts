import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Runtimes } from './runtimes.ts';

const run = promisify(execFile);

/**
 * Deletes what the runtime keeps of a container, with every process that it still has. Normally there is nothing: the
 * runtime does it itself when the container ends, unless it was killed.
 */
export async function deleteFromRuntime(runtimes: Runtimes, id: string): Promise<void> {
  if (!runtimes.knows(id)) return;
  const runtime = runtimes.runtimeOf(id);
  try {
    await run(runtime.path, runtime.arguments('delete', '--force', id));
  } catch (error) {
    // A runtime that is ending itself may be faster.
    if (runtimes.knows(id)) throw error;
  }
}
