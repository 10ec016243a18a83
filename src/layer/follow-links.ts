import { readlinkSync, realpathSync } from 'node:fs';
import { posix } from 'node:path';
import { EngineError } from '#base/errors.ts';
import { isErrno } from '#linux/errno.ts';
import { statOf } from './tree-walk.ts';

/** path_resolution(7) */
const MAXIMUM_LINKS = 40;

/**
 * An absolute path in this thread's root with its links followed: where something that is written there ends up, also
 * when that does not exist yet.
 */
export function followLinks(path: string, followed = 0): string {
  try {
    return realpathSync(path);
  } catch (error) {
    if (!isErrno(error, 'ENOENT', 'ENOTDIR', 'ELOOP') || path === '/') throw error;
    if (followed > MAXIMUM_LINKS)
      throw new EngineError('invalid', `Cannot follow ${path}: too many symbolic links`);
    const parent = followLinks(posix.dirname(path), followed);
    const name = posix.join(parent, posix.basename(path));
    if (!statOf(Buffer.from(name))?.isSymbolicLink()) return name;
    return followLinks(posix.resolve(parent, readlinkSync(name)), followed + 1);
  }
}
