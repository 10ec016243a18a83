import { Condition } from '#base/condition.ts';
import type { LogQuery } from './log.ts';

/** How the writers of a log tell its followers that there is more: inside one process, without looking at files. */
export class LogFeed {
  #version = 0;
  #writers = 0;
  readonly #changes = new Condition();

  /** Grows with every change; take it before reading the log, and wait with it afterwards. */
  get version(): number {
    return this.#version;
  }

  get hasWriter(): boolean {
    return this.#writers > 0;
  }

  opened(): void {
    this.#writers++;
    this.changed();
  }

  closed(): void {
    this.#writers--;
    this.changed();
  }

  changed(): void {
    this.#version++;
    this.#changes.notifyAll();
  }

  /** Resolves once something has changed since `version`, the signal has fired or `untilNs` has come. */
  async wait(version: number, query: Pick<LogQuery, 'signal' | 'untilNs'>): Promise<void> {
    if (this.#version !== version || query.signal?.aborted) return;
    const limit = new AbortController();
    const end = () => limit.abort();
    const timer = query.untilNs === undefined ? undefined : setTimeout(end, millisecondsTo(query.untilNs));
    query.signal?.addEventListener('abort', end);
    // It fails only when the time has come or the signal has fired.
    await Promise.allSettled([this.#changes.wait(limit.signal)]);
    query.signal?.removeEventListener('abort', end);
    clearTimeout(timer);
  }

  /** True if nothing that is written from now on can be part of the answer. */
  isOver({ untilNs }: Pick<LogQuery, 'untilNs'>): boolean {
    return untilNs !== undefined && millisecondsTo(untilNs) === 0;
  }
}

/** The longest time that a timer takes. */
const MAXIMUM_DELAY_MS = 2 ** 31 - 1;

function millisecondsTo(timeNs: bigint): number {
  const milliseconds = Number(timeNs / 1_000_000n) - Date.now() + 1;
  return Math.min(Math.max(milliseconds, 0), MAXIMUM_DELAY_MS);
}
