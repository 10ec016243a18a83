import { mkdirSync, renameSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { messageOf } from '#base/errors.ts';
import type { Logger } from '#base/log.ts';
import { readNames } from './disk.ts';

/** What is kept there, by what it was part of. */
export type LostKind = 'blob' | 'layer' | 'snapshot' | 'container';

/** `KIND-NAME-MILLISECONDS`; the directory may be the file system's own one, which fsck(8) fills. */
const OWN_NAME = /^(?:blob|layer|snapshot|container)-.+-\d+$/;

/** Keeps what no record owns, since it may be all that is left of a user's data. */
export interface LostAndFound {
  /**
   * Moves a file or directory out of its store's way. Where it cannot be moved, for example onto another file system,
   * it stays.
   *
   * @returns where it is now
   */
  take(kind: LostKind, path: string, why: string): string;
}

/** `ROOT/lost+found`: each move there is logged, and only a user deletes what is in it. */
export class LostDirectory implements LostAndFound {
  readonly path: string;
  readonly #logger: Logger;

  constructor(root: string, logger: Logger) {
    this.path = join(root, 'lost+found');
    this.#logger = logger;
  }

  take(kind: LostKind, path: string, why: string): string {
    const target = join(this.path, `${kind}-${basename(path)}-${Date.now()}`);
    try {
      mkdirSync(this.path, { recursive: true, mode: 0o700 });
      renameSync(path, target);
      this.#logger.error('moved to lost+found', { path, target, why });
      return target;
    } catch (error) {
      this.#logger.error('found what no record owns', { path, why, error: messageOf(error) });
      return path;
    }
  }

  /** The names of what was moved here. */
  names(): readonly string[] {
    return readNames(this.path).filter((name) => OWN_NAME.test(name));
  }

  /** Deletes what was moved here, for good. @returns the names */
  empty(): readonly string[] {
    const names = this.names();
    for (const name of names) rmSync(join(this.path, name), { recursive: true, force: true });
    if (names.length > 0) this.#logger.info('emptied lost+found', { path: this.path, count: names.length });
    return names;
  }
}
