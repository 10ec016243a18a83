/** Counts who uses what, by key, for whoever is to remove it. */
export class KeyedHolds<Key> {
  readonly #counts = new Map<Key, number>();

  /** Until the result is disposed. */
  acquire(key: Key): Disposable {
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
    return {
      [Symbol.dispose]: () => {
        const count = (this.#counts.get(key) ?? 1) - 1;
        if (count > 0) this.#counts.set(key, count);
        else this.#counts.delete(key);
      },
    };
  }

  isHeld(key: Key): boolean {
    return this.#counts.has(key);
  }
}
