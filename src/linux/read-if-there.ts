import { readFileSync } from 'node:fs';
import { unlessErrno } from '#base/errno.ts';

/**
 * A small text file; undefined if there is none.
 *
 * @throws {Error} with a `code` of errno(3) for any other reason
 */
export function readIfThere(path: string): string | undefined {
  return unlessErrno(() => readFileSync(path, 'utf8'), 'ENOENT');
}
