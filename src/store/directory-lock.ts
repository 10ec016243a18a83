import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { isAlive, processStartTime } from '#linux/process.ts';
import { readIfThere } from '#linux/read-if-there.ts';
import { storeError } from './store-errors.ts';

/**
 * Holds a root directory for this engine alone, until it is disposed or the process dies.
 *
 * @throws {EngineError} `root-in-use` while another engine has it
 */
export function lockRoot(root: string): Disposable {
  return lockDirectory(root, (holder, cause) =>
    storeError('root-in-use', { subject: root, details: { holder }, cause }),
  );
}

/**
 * Holds a directory for this engine alone, until it is disposed or the process dies.
 *
 * SQLite's own lock on an empty database does it: the kernel releases it with the process, and SQLite keeps two
 * engines of one process apart too, which fcntl(2) locks alone would not.
 *
 * @param refusal makes the error to throw while another engine has it, which `holder` describes
 */
export function lockDirectory(
  directory: string,
  refusal: (holder: string, cause: unknown) => Error,
): Disposable {
  const lock = new DatabaseSync(join(directory, 'lock'));
  const pidPath = join(directory, 'lock.pid');
  try {
    lock.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    lock.close();
    throw refusal(describeHolder(pidPath), error);
  }
  writeFileSync(pidPath, `${process.pid}\n`);
  return { [Symbol.dispose]: () => lock.close() };
}

function describeHolder(pidPath: string): string {
  const pid = Number(readIfThere(pidPath)?.trim() || Number.NaN);
  if (Number.isNaN(pid)) return 'another process';
  if (isAlive(pid) || processStartTime(pid) === undefined) return `process ${pid}`;
  return (
    `process ${pid}, which was killed, but waits for a file system that does not answer; ` +
    'umount -f of that file system ends it'
  );
}
