import { Condition } from './condition.ts';

/** Counts those that use something, so that what removes it can wait until it is unused. */
export class UseCount {
  #count = 0;
  readonly #released = new Condition();

  /** Counts one use until the result is disposed. */
  readonly use = (): Disposable => {
    this.#count++;
    return disposedOnce(() => {
      if (--this.#count === 0) this.#released.notifyAll();
    });
  };

  /** Resolves when nothing uses it. @throws the reason of the signal when it fires first */
  async unused(signal?: AbortSignal): Promise<void> {
    while (this.#count > 0) await this.#released.wait(signal);
  }
}

/** The same by key, so that what removes something can tell whether it is in use. */
export class KeyedUseCount<Key> {
  readonly #counts = new Map<Key, number>();

  /** Counts one use of `key` until the result is disposed. */
  use(key: Key): Disposable {
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
    return disposedOnce(() => {
      const count = (this.#counts.get(key) ?? 1) - 1;
      if (count > 0) this.#counts.set(key, count);
      else this.#counts.delete(key);
    });
  }

  isUsed(key: Key): boolean {
    return this.#counts.has(key);
  }
}

function disposedOnce(release: () => void): Disposable {
  let isReleased = false;
  return {
    [Symbol.dispose]: () => {
      if (!isReleased) release();
      isReleased = true;
    },
  };
}
