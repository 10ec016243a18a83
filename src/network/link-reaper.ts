import { messageOf } from '#base/errors.ts';
import type { Logger } from '#base/log.ts';
import { isErrno } from '#linux/errno.ts';
import { RouteQueue } from '#linux/route-queue.ts';
import { RouteSocket } from '#linux/rtnetlink.ts';
import { deleteLink } from '#linux/rtnetlink-messages.ts';

/** Time in which the kernel removes the interfaces of any namespace that is really gone. */
const GRACE_MS = 3000;
/** How often it is looked whether it has. */
const LOOK_MS = 250;
/** Links that are looked for at a time: each look takes the event loop some 50 µs. */
const LOOKS = 100;

interface DyingLink {
  readonly name: string;
  readonly since: number;
  readonly gone: () => void;
}

/**
 * Deletes the host's ends of veth pairs that are not in use any more, after a while. Where a pair's namespace was
 * dropped, the kernel deletes it by itself before, which is much cheaper than telling it to; but where something else
 * holds the namespace (a container that had joined it, or a connection whose other end is still to answer), or the
 * sandbox lives on, the pair would stay. Deleting one takes the kernel 12 to 28 ms, which a thread waits for.
 */
export class LinkReaper implements Disposable {
  readonly #logger: Logger;
  readonly #queue = new RouteQueue();
  #dying: DyingLink[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** @param gone is called when the link is, or could not be deleted, which is logged */
  reap(name: string, gone: () => void = () => {}): void {
    this.#dying.push({ name, since: performance.now(), gone });
    this.#lookSoon();
  }

  /** Deletes those that are still there. */
  async sweep(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const links = this.#dying;
    this.#dying = [];
    await Promise.all(links.map((link) => this.#delete(link)));
  }

  #lookSoon(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.look();
    }, LOOK_MS).unref();
  }

  /** Looks which are gone by now. */
  look(): void {
    using route = RouteSocket.open();
    const oldest = performance.now() - GRACE_MS;
    const rest: DyingLink[] = [];
    for (const [index, link] of this.#dying.entries()) {
      if (index < LOOKS && !route.linkExists(link.name)) link.gone();
      else if (link.since > oldest) rest.push(link);
      else void this.#delete(link);
    }
    this.#dying = rest;
    if (rest.length > 0) this.#lookSoon();
  }

  async #delete({ name, gone }: DyingLink): Promise<void> {
    try {
      await this.#queue.request(deleteLink(name));
    } catch (error) {
      // The kernel was faster.
      if (!isErrno(error, 'ENODEV')) {
        this.#logger.error('cannot delete a link', { name, error: messageOf(error) });
      }
    } finally {
      gone();
    }
  }

  /** Drops the rest: the next start of the engine looks for them again. */
  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#queue[Symbol.dispose]();
  }
}
