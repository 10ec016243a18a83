import { abortable } from '#base/abortable.ts';
import type { ExitOutcome, WaitCondition } from '../container.ts';
import { containerError } from '../container-errors.ts';

interface Waiter {
  readonly condition: WaitCondition;
  readonly resolve: (result: ExitOutcome) => void;
}

/** Calls that wait for one container to stop or to disappear. */
export class ExitWaiters {
  readonly #waiters = new Set<Waiter>();

  /** @throws {EngineError} `aborted` when the signal fires */
  async wait(condition: WaitCondition, signal?: AbortSignal): Promise<ExitOutcome> {
    const { promise, resolve } = Promise.withResolvers<ExitOutcome>();
    const waiter = { condition, resolve };
    this.#waiters.add(waiter);
    try {
      return await abortable(promise, signal);
    } catch (cause) {
      throw containerError('wait-aborted', { cause });
    } finally {
      this.#waiters.delete(waiter);
    }
  }

  /** It does not run any more. */
  stopped(result: ExitOutcome): void {
    this.#settle(result, (condition) => condition !== 'removed');
  }

  /** It is gone, which is the end of all waiting. */
  removed(result: ExitOutcome): void {
    this.#settle(result, () => true);
  }

  #settle(result: ExitOutcome, concerns: (condition: WaitCondition) => boolean): void {
    for (const waiter of this.#waiters) if (concerns(waiter.condition)) waiter.resolve(result);
  }
}
