import { isErrno } from '#linux/errno.ts';
import { RouteSocket } from '#linux/rtnetlink.ts';
import { deleteLink } from '#linux/rtnetlink-messages.ts';

/** By then the kernel has removed the interfaces of any namespace that is really gone. */
const GRACE_MS = 3000;

/**
 * Host ends of cables whose namespace was dropped. The kernel deletes them by itself, soon, which is much cheaper
 * than telling it to; but where something else holds the namespace (a container that had joined it), a cable stays,
 * with an address that is free for others. Such cables are deleted here, after a while.
 */
export class UnpluggedLinks implements Disposable {
  readonly #names = new Set<string>();
  #timer: NodeJS.Timeout | undefined;

  readonly add = (name: string): void => {
    this.#names.add(name);
    this.#timer ??= setTimeout(() => this.sweep(), GRACE_MS).unref();
  };

  /** Deletes those that are still there. */
  sweep(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    using route = RouteSocket.open();
    for (const name of this.#names) deleteIfThere(route, name);
    this.#names.clear();
  }

  /** Forgets them: the next start of the engine looks for them again. */
  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }
}

function deleteIfThere(route: RouteSocket, name: string): void {
  try {
    if (route.linkExists(name)) route.request(deleteLink(name));
  } catch (error) {
    // The kernel was faster.
    if (!isErrno(error, 'ENODEV')) throw error;
  }
}
