import { RouteSocket } from './rtnetlink.ts';
import type { RouteMessage } from './rtnetlink-message.ts';

/** How many requests go in one message, so that the first ones need not wait for the last. */
const MAXIMUM_TOGETHER = 3;

interface QueuedRequest {
  readonly messages: readonly RouteMessage[];
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Requests to rtnetlink(7) that take the kernel long, such as new links: one thread of the pool waits for them, and
 * the event loop goes on. The kernel does one at a time in any case; what comes meanwhile goes in one message then.
 */
export class RouteQueue implements Disposable {
  readonly #socket = RouteSocket.open();
  readonly #waiting: QueuedRequest[] = [];
  #isSending = false;
  #isDisposed = false;

  /**
   * Does the messages in order. The kernel does not stop at an error: the first one is thrown when all are done.
   *
   * @throws {SystemError} with the kernel's explanation
   */
  request(...messages: readonly RouteMessage[]): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#waiting.push({ messages, resolve, reject });
    if (!this.#isSending) void this.#sendAll();
    return promise;
  }

  async #sendAll(): Promise<void> {
    this.#isSending = true;
    while (this.#waiting.length > 0) {
      await this.#send(this.#waiting.splice(0, MAXIMUM_TOGETHER));
    }
    this.#isSending = false;
    if (this.#isDisposed) this.#socket[Symbol.dispose]();
  }

  async #send(requests: readonly QueuedRequest[]): Promise<void> {
    try {
      const results = await this.#socket.requestAllOnThread(requests.flatMap(({ messages }) => messages));
      let start = 0;
      for (const { messages, resolve, reject } of requests) {
        const error = results.slice(start, start + messages.length).find((result) => result !== null);
        start += messages.length;
        if (error) reject(error);
        else resolve();
      }
    } catch (error) {
      for (const { reject } of requests) reject(error);
    }
  }

  /** What is under way is finished. */
  [Symbol.dispose](): void {
    this.#isDisposed = true;
    if (!this.#isSending) this.#socket[Symbol.dispose]();
  }
}
