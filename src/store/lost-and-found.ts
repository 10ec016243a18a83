import { mkdirSync, renameSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { messageOf } from '#base/errors.ts';
import type { Logger } from '#base/log.ts';

/**
 * Moves what no record owns out of its store's way, to `ROOT/lost+found/`, and logs it: it may be all that is left of
 * a user's data. Where it cannot be moved, it stays.
 *
 * @param path a file or directory of a store, which is a directory right below the root
 */
export function setAside(path: string, why: string, logger: Logger): void {
  const store = dirname(path);
  const directory = join(dirname(store), 'lost+found');
  const target = join(directory, `${basename(store)}-${basename(path)}-${Date.now()}`);
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    renameSync(path, target);
    logger.error('moved to lost+found', { path, target, why });
  } catch (error) {
    logger.error('found what no record owns', { path, why, error: messageOf(error) });
  }
}
