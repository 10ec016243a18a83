import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { EngineError } from '#base/errors.ts';

/**
 * Holds a root directory for this engine alone, until it is disposed or the process dies.
 *
 * SQLite's own lock on an empty database does it: the kernel releases it with the process, and SQLite keeps two
 * engines of one process apart too, which fcntl(2) locks alone would not.
 *
 * @throws {EngineError} `conflict` while another engine has it
 */
export function lockRoot(root: string): Disposable {
  const lock = new DatabaseSync(join(root, 'lock'));
  const pidPath = join(root, 'lock.pid');
  try {
    lock.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    lock.close();
    throw new EngineError('conflict', `Cannot open ${root}: in use by ${holder(pidPath)}`, { cause: error });
  }
  writeFileSync(pidPath, `${process.pid}\n`);
  return { [Symbol.dispose]: () => lock.close() };
}

function holder(pidPath: string): string {
  try {
    return `process ${readFileSync(pidPath, 'utf8').trim()}`;
  } catch {
    return 'another process';
  }
}
