import { abortable } from './abortable.ts';

/**
 * Serializes work per key: at most one holder of a key at a time, in order of arrival; different keys do not wait
 * for each other. Keys that are neither held nor waited for take no memory.
 */
export class KeyedLock<Key> {
  readonly #tails = new Map<Key, Promise<void>>();

  /**
   * Waits for the key; disposing the result releases it (`using _ = await lock.acquire(id)`).
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
      if (previous) await abortable(previous, signal);
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
