import { abortable } from './abortable.ts';

/**
 * A condition variable: those that wait look again at what they wait for when it may have changed.
 *
 * ```ts
 * while (queue.length === 0) await arrived.wait(signal);
 * ```
 *
 * JavaScript runs nothing between the look and the wait, so no change is missed. Where something is awaited in
 * between, take {@link changed} before the look and wait for it afterwards.
 */
export class Condition {
  /** Made when there is something to wait for it, since most changes are waited for by nothing. */
  #changed: PromiseWithResolvers<void> | undefined;

  /** Resolves at the next {@link notifyAll}. */
  get changed(): Promise<void> {
    this.#changed ??= Promise.withResolvers();
    return this.#changed.promise;
  }

  notifyAll(): void {
    this.#changed?.resolve();
    this.#changed = undefined;
  }

  /** @throws the reason of the signal when it fires first */
  async wait(signal?: AbortSignal): Promise<void> {
    await abortable(this.changed, signal);
  }
}
