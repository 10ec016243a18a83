import { abortable } from '#base/abortable.ts';
import { EngineError } from '#base/errors.ts';
import type { WaitCondition } from '../container.ts';

export interface ExitResult {
  readonly exitCode: number;
  readonly error?: string;
}

interface Waiter {
  readonly condition: WaitCondition;
  readonly resolve: (result: ExitResult) => void;
}

/** Those who wait for one container to stop or to disappear. */
export class ExitWaiters {
  readonly #waiters = new Set<Waiter>();

  /** @throws {EngineError} `aborted` when the signal fires */
  async wait(condition: WaitCondition, signal?: AbortSignal): Promise<ExitResult> {
    const { promise, resolve } = Promise.withResolvers<ExitResult>();
    const waiter = { condition, resolve };
    this.#waiters.add(waiter);
    try {
      return await abortable(promise, signal);
    } catch (cause) {
      throw new EngineError('aborted', 'context canceled', { cause });
    } finally {
      this.#waiters.delete(waiter);
    }
  }

  /** It does not run any more. */
  stopped(result: ExitResult): void {
    this.#settle(result, (condition) => condition !== 'removed');
  }

  /** It is gone, which is the end of all waiting. */
  removed(result: ExitResult): void {
    this.#settle(result, () => true);
  }

  #settle(result: ExitResult, concerns: (condition: WaitCondition) => boolean): void {
    for (const waiter of this.#waiters) if (concerns(waiter.condition)) waiter.resolve(result);
  }
}
