/** Counts those who use something, for whoever is to remove it. */
export class Holds {
  #count = 0;
  #free = Promise.withResolvers<void>();

  constructor() {
    this.#free.resolve();
  }

  readonly acquire = (): Disposable => {
    if (this.#count++ === 0) this.#free = Promise.withResolvers<void>();
    return {
      [Symbol.dispose]: () => {
        if (--this.#count === 0) this.#free.resolve();
      },
    };
  };

  /** Resolves when nobody uses it. */
  async released(): Promise<void> {
    while (this.#count > 0) await this.#free.promise;
  }
}
