/** Lets at most `permits` holders in at a time, in order of arrival. */
export class Semaphore {
  #free: number;
  /** Callers that wait, in order of arrival. */
  readonly #waiting = new Set<() => void>();

  constructor(permits: number) {
    this.#free = permits;
  }

  /** True if a permit is there now. */
  get isFree(): boolean {
    return this.#free > 0;
  }

  /**
   * Waits for a permit; disposing the result gives it back.
   *
   * @param signal ends the waiting. @throws its reason; the others keep their turns
   */
  async acquire(signal?: AbortSignal): Promise<Disposable> {
    signal?.throwIfAborted();
    if (this.#free > 0) this.#free--;
    else await this.#turn(signal);
    let held = true;
    return {
      [Symbol.dispose]: () => {
        if (!held) return;
        held = false;
        this.#release();
      },
    };
  }

  #turn(signal: AbortSignal | undefined): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const enter = () => {
      signal?.removeEventListener('abort', abort);
      resolve();
    };
    const abort = () => {
      this.#waiting.delete(enter);
      reject(signal?.reason);
    };
    this.#waiting.add(enter);
    signal?.addEventListener('abort', abort, { once: true });
    return promise;
  }

  #release(): void {
    const [next] = this.#waiting;
    if (next === undefined) {
      this.#free++;
      return;
    }
    this.#waiting.delete(next);
    next();
  }
}
