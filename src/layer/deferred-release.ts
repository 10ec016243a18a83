import { close, constants, openSync, rmdirSync } from 'node:fs';
import { promisify } from 'node:util';
import { unlessErrno } from '#base/errno.ts';
import { messageOf } from '#base/errors.ts';
import type { Logger } from '#base/log.ts';
import { unmount } from '#linux/mount.ts';

/** <linux/fcntl.h> */
const O_PATH = 0o10000000;
const closeAsync = promisify(close);

/**
 * Releasing an overlay syncs the whole file system under it, which takes as long as there is to write. This does it in
 * the background: the mount is detached while a descriptor still holds it, and closing that on a thread of the pool
 * syncs. Overlays are released one at a time, since after the first sync the next has little to do.
 */
export class DeferredRelease {
  readonly #logger: Logger;
  #queue: Promise<void> = Promise.resolve();
  readonly #afterwards: (() => void)[] = [];
  #turn: NodeJS.Immediate | undefined;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** Takes the mount at `target` out of sight and removes the directory. Returns its hold; see {@link finish}. */
  detach(target: string): number | undefined {
    const hold = openMount(target);
    if (hold === undefined) return undefined;
    unlessErrno(() => unmount(target, { lazy: true }), 'EINVAL');
    rmdirSync(target);
    return hold;
  }

  /** Does `work`, then releases the mount; both in the background, after what is queued already. */
  finish(hold: number | undefined, work?: () => Promise<void>): void {
    this.#queue = this.#finishAfter(this.#queue, hold, work);
  }

  async #finishAfter(
    earlier: Promise<void>,
    hold: number | undefined,
    work: (() => Promise<void>) | undefined,
  ): Promise<void> {
    await earlier;
    try {
      await work?.();
    } catch (error) {
      this.#logger.warn('Cannot delete a removed snapshot', { error: messageOf(error) });
    }
    if (hold !== undefined) await closeAsync(hold);
  }

  /** Does `work` in the next turn of the event loop: unmounting waits a millisecond for the whole machine (RCU). */
  afterwards(work: () => void): void {
    this.#afterwards.push(work);
    this.#turn ??= setImmediate(() => this.#work());
  }

  #work(): void {
    this.#turn = undefined;
    for (const work of this.#afterwards.splice(0)) {
      try {
        work();
      } catch (error) {
        this.#logger.warn('Cannot unmount a removed snapshot', { error: messageOf(error) });
      }
    }
  }

  /** Resolves when all that was queued is done. */
  async settled(): Promise<void> {
    clearImmediate(this.#turn);
    this.#work();
    await this.#queue;
  }
}

function openMount(target: string): number | undefined {
  return unlessErrno(() => openSync(target, O_PATH | constants.O_DIRECTORY), 'ENOENT');
}
