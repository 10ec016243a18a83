import { closeSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import type { Context } from './context.ts';
import { createMeter } from './progress/meter.ts';
import { ExitError } from './usage-error.ts';

/**
 * Writes a stream to standard output or, with a path, to a file that is complete once it has its name.
 *
 * @throws {ExitError} if it would go to a terminal
 */
export async function writeStream(
  context: Context,
  open: () => Promise<AsyncIterable<Buffer>>,
  path: string,
  label: string,
): Promise<void> {
  if (path === '') {
    if (context.stdout.isTerminal) {
      throw new ExitError(1, 'cowardly refusing to save to a terminal. Use the -o flag or redirect');
    }
    for await (const chunk of await open()) context.stdout.write(chunk);
    return;
  }
  const source = await open();
  const draft = `${path}.caisson-${process.pid}`;
  const fd = openSync(draft, 'wx', 0o600);
  using meter = createMeter(context, false, { label });
  try {
    for await (const chunk of meter.count(source)) {
      for (let done = 0; done < chunk.length; ) done += writeSync(fd, chunk, done);
    }
    renameSync(draft, path);
  } catch (error) {
    rmSync(draft, { force: true });
    throw error;
  } finally {
    closeSync(fd);
  }
}
