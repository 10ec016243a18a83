/**
 * Serializes work per key: at most one holder of a key at a time, in order of arrival; different keys do not wait
 * for each other. Keys that nobody holds or waits for take no memory.
 */
export class KeyedLock<Key> {
  readonly #tails = new Map<Key, Promise<void>>();

  /** Waits for the key; dispose the result to let it go (`using _ = await lock.acquire(id)`). */
  async acquire(key: Key): Promise<Disposable> {
    const previous = this.#tails.get(key);
    const { promise, resolve } = Promise.withResolvers<void>();
    const tail = previous ? previous.then(() => promise) : promise;
    this.#tails.set(key, tail);
    await previous;
    return {
      [Symbol.dispose]: () => {
        if (this.#tails.get(key) === tail) this.#tails.delete(key);
        resolve();
      },
    };
  }

  /** True if the key is held now. */
  isHeld(key: Key): boolean {
    return this.#tails.has(key);
  }
}
