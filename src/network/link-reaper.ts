import { messageOf } from '#base/errors.ts';
import type { Logger } from '#base/log.ts';
import { isErrno } from '#linux/errno.ts';
import { RouteQueue } from '#linux/route-queue.ts';
import { deleteLink, setLinkMaster } from '#linux/rtnetlink-messages.ts';

/** Time in which the kernel removes the interfaces of any namespace that is really gone. */
const GRACE_MS = 3000;

/**
 * Deletes the host's ends of veth pairs that are not in use any more, after a while. Where a pair's namespace was
 * dropped, the kernel deletes it by itself before, which is much cheaper than telling it to; but where something else
 * holds the namespace (a container that had joined it), or the sandbox lives on, the pair would stay. Deleting one
 * takes the kernel 12 to 28 ms, which a thread waits for.
 */
export class LinkReaper implements Disposable {
  readonly #logger: Logger;
  readonly #queue = new RouteQueue();
  readonly #names = new Set<string>();
  #timer: NodeJS.Timeout | undefined;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  reap(name: string): void {
    this.#names.add(name);
    this.#timer ??= setTimeout(() => void this.sweep(), GRACE_MS).unref();
  }

  /** Takes a link off its bridge soon, so that nothing hears it any more. Resolves also where that fails. */
  async detach(name: string): Promise<void> {
    try {
      await this.#queue.request(setLinkMaster(name, 0));
    } catch (error) {
      // The kernel was faster.
      if (!isErrno(error, 'ENODEV'))
        this.#logger.warn('cannot take a link off its bridge', { name, error: messageOf(error) });
    }
  }

  /** Deletes those that are still there; failures are logged. */
  async sweep(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const names = [...this.#names];
    this.#names.clear();
    await Promise.all(names.map((name) => this.#delete(name)));
  }

  async #delete(name: string): Promise<void> {
    try {
      await this.#queue.request(deleteLink(name));
    } catch (error) {
      // The kernel was faster.
      if (isErrno(error, 'ENODEV')) return;
      this.#logger.error('cannot delete a link', { name, error: messageOf(error) });
    }
  }

  /** Drops the rest: the next start of the engine looks for them again. */
  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#queue[Symbol.dispose]();
  }
}
