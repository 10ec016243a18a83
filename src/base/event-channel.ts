import { Condition } from './condition.ts';

/** How far those that wait for room run ahead of the reader. */
const ROOM = 256;

/** A queue from everything that writes to the one that reads. Once the reader has left, no writer waits. */
export class EventChannel<T> implements AsyncIterable<T> {
  #items: T[] = [];
  #end: { readonly error?: unknown } | undefined;
  #left = false;
  readonly #arrived = new Condition();
  readonly #taken = new Condition();

  /** Never waits: for what is told seldom. */
  push(item: T): void {
    if (this.#left || this.#end) return;
    this.#items.push(item);
    this.#arrived.notifyAll();
  }

  /** Resolves when the reader is near: for what comes in masses. @throws the reason of the signal when it fires */
  async room(signal?: AbortSignal): Promise<void> {
    while (this.#items.length >= ROOM && !this.#left) await this.#taken.wait(signal);
  }

  /** What was pushed is read first, then the reader ends, with the error if there is one. */
  end(end: { readonly error?: unknown } = {}): void {
    this.#end ??= end;
    this.#arrived.notifyAll();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void> {
    try {
      for (;;) {
        const items = this.#take();
        yield* items;
        if (items.length > 0 || this.#items.length > 0) continue;
        if (this.#end) break;
        await this.#arrived.wait();
      }
    } finally {
      this.#left = true;
      this.#items = [];
      this.#taken.notifyAll();
    }
    if (this.#end && 'error' in this.#end) throw this.#end.error;
  }

  #take(): readonly T[] {
    const items = this.#items;
    this.#items = [];
    this.#taken.notifyAll();
    return items;
  }
}
