/** The engine answers by then, and what clients waited for is under way. */
const DELAY_MS = 500;

/**
 * Runs checks one by one, each in a turn of the event loop of its own: what is most likely in order does not hold up
 * the start of an engine with many containers. Disposing drops the rest.
 */
export class DeferredChecks implements Disposable {
  readonly #checks: (() => void)[] = [];
  #timer: NodeJS.Timeout | undefined;
  #turn: NodeJS.Immediate | undefined;

  /** @param check must not throw */
  add(check: () => void): void {
    this.#checks.push(check);
    this.#timer ??= setTimeout(() => this.#next(), DELAY_MS).unref();
  }

  #next(): void {
    const check = this.#checks.shift();
    if (!check) return;
    check();
    this.#turn = setImmediate(() => this.#next());
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    clearImmediate(this.#turn);
    this.#checks.length = 0;
  }
}
