/** How far those that wait for room run ahead of the reader. */
const ROOM = 256;

/** What one build tells, from all that goes on in it to the one that reads. Once the reader has left, nobody waits. */
export class EventChannel<T> implements AsyncIterable<T> {
  #items: T[] = [];
  #end: { readonly error?: unknown } | undefined;
  #left = false;
  #arrived = Promise.withResolvers<void>();
  #taken = Promise.withResolvers<void>();

  /** Never waits: for what is told seldom. */
  push(item: T): void {
    if (this.#left || this.#end) return;
    this.#items.push(item);
    this.#arrived.resolve();
  }

  /** Resolves when the reader is near: for what comes in masses. */
  async room(): Promise<void> {
    while (this.#items.length >= ROOM && !this.#left) await this.#taken.promise;
  }

  /** What was pushed is read first, then the reader ends, with the error if there is one. */
  end(end: { readonly error?: unknown } = {}): void {
    this.#end ??= end;
    this.#arrived.resolve();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void> {
    try {
      for (;;) {
        const items = this.#take();
        yield* items;
        if (items.length === 0) {
          if (this.#end) break;
          await this.#arrived.promise;
        }
      }
    } finally {
      this.#left = true;
      this.#items = [];
      this.#taken.resolve();
    }
    if (this.#end && 'error' in this.#end) throw this.#end.error;
  }

  #take(): readonly T[] {
    const items = this.#items;
    this.#items = [];
    if (!this.#end) this.#arrived = Promise.withResolvers();
    this.#taken.resolve();
    this.#taken = Promise.withResolvers();
    return items;
  }
}
