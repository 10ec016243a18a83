/**
 * Serializes work per key: at most one holder of a key at a time, in order of arrival; different keys do not wait
 * for each other. Keys that nobody holds or waits for take no memory.
 */
export class KeyedLock<Key> {
  readonly #tails = new Map<Key, Promise<void>>();

  /**
   * Waits for the key; dispose the result to let it go (`using _ = await lock.acquire(id)`).
   *
   * @param signal ends the waiting. @throws its reason; the others keep their turns
   */
  async acquire(key: Key, signal?: AbortSignal): Promise<Disposable> {
    signal?.throwIfAborted();
    const previous = this.#tails.get(key);
    const { promise, resolve } = Promise.withResolvers<void>();
    const tail = previous ? previous.then(() => promise) : promise;
    this.#tails.set(key, tail);
    const release = () => {
      if (this.#tails.get(key) === tail) this.#tails.delete(key);
      resolve();
    };
    try {
      if (previous) await orAborted(previous, signal);
    } catch (error) {
      void previous?.then(release);
      throw error;
    }
    return { [Symbol.dispose]: release };
  }

  /** True if the key is held now. */
  isHeld(key: Key): boolean {
    return this.#tails.has(key);
  }
}

async function orAborted(turn: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  if (!signal) return await turn;
  const { promise, reject } = Promise.withResolvers<never>();
  const abort = () => reject(signal.reason);
  signal.addEventListener('abort', abort);
  try {
    await Promise.race([turn, promise]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
