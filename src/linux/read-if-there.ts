import { readFileSync } from 'node:fs';
import { isErrno } from './errno.ts';

/**
 * A small text file; undefined if there is none.
 *
 * @throws {Error} with a `code` of errno(3) for any other reason
 */
export function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined;
    throw error;
  }
}
