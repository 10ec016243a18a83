import { Condition } from '#base/condition.ts';
import type { ProgressMessage } from '#wire/image.ts';

/**
 * Progress of work that goes on at several places, as one stream. A reader that is slow misses intermediate states of
 * a layer, never a change of status; memory stays bounded by the number of layers.
 */
export class ProgressFeed implements AsyncIterable<ProgressMessage> {
  #queue: ProgressMessage[] = [];
  readonly #arrived = new Condition();
  #ended = false;

  push(message: ProgressMessage): void {
    const last = this.#queue.findLastIndex(({ id }) => id === message.id);
    const isOutdated =
      last >= 0 && message.progress !== undefined && this.#queue[last]?.status === message.status;
    if (isOutdated) this.#queue[last] = message;
    else this.#queue.push(message);
    this.#arrived.notifyAll();
  }

  end(): void {
    this.#ended = true;
    this.#arrived.notifyAll();
  }

  async *[Symbol.asyncIterator](): AsyncIterator<ProgressMessage> {
    for (;;) {
      const messages = this.#queue;
      this.#queue = [];
      yield* messages;
      if (this.#queue.length > 0) continue;
      if (this.#ended) return;
      await this.#arrived.wait();
    }
  }
}
