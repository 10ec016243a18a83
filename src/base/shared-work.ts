import { abortable } from './abortable.ts';

interface Flight<Result> {
  readonly result: Promise<Result>;
  readonly cancel: AbortController;
  waiting: number;
}

/**
 * Equal work that is asked for while it runs is done once: every caller of a key gets the one result or error. A
 * caller may give up waiting; the work is cancelled when no caller waits for it any more.
 */
export class SharedWork<Key, Result> {
  readonly #flights = new Map<Key, Flight<Result>>();
  /** All work, including what was cancelled and has not ended yet. */
  readonly #running = new Set<Promise<Result>>();

  /** @throws what the work fails with, or the reason of `signal` as soon as it fires, whatever the work does */
  async do(key: Key, work: (signal: AbortSignal) => Promise<Result>, signal?: AbortSignal): Promise<Result> {
    using caller = this.#join(key, work, signal);
    return await abortable(caller.flight.result, signal);
  }

  /**
   * As {@link do}, but the last caller to give up waits until the cancelled work has ended, and gets the result if it
   * was too late to cancel it. So nothing comes into being that no caller knows of, for work that leaves something.
   *
   * @throws what the work fails with, or the reason of `signal`
   */
  async doToEnd(
    key: Key,
    work: (signal: AbortSignal) => Promise<Result>,
    signal?: AbortSignal,
  ): Promise<Result> {
    using caller = this.#join(key, work, signal);
    const { flight } = caller;
    try {
      return await abortable(flight.result, signal);
    } catch (error) {
      if (!signal?.aborted || flight.waiting > 1) throw error;
      this.#abandon(key, flight);
      return await flight.result.catch(() => {
        throw error;
      });
    }
  }

  #join(
    key: Key,
    work: (signal: AbortSignal) => Promise<Result>,
    signal: AbortSignal | undefined,
  ): Disposable & { readonly flight: Flight<Result> } {
    signal?.throwIfAborted();
    const flight = this.#flights.get(key) ?? this.#start(key, work);
    flight.waiting++;
    const leave = () => {
      if (--flight.waiting === 0) this.#abandon(key, flight);
    };
    return { flight, [Symbol.dispose]: leave };
  }

  /** Resolves when no work runs. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#running);
  }

  #start(key: Key, work: (signal: AbortSignal) => Promise<Result>): Flight<Result> {
    const cancel = new AbortController();
    const result = work(cancel.signal).finally(() => {
      if (this.#flights.get(key) === flight) this.#flights.delete(key);
      this.#running.delete(result);
    });
    result.catch(() => undefined);
    this.#running.add(result);
    const flight: Flight<Result> = { result, cancel, waiting: 0 };
    this.#flights.set(key, flight);
    return flight;
  }

  /** No caller may join work that is being cancelled. */
  #abandon(key: Key, flight: Flight<Result>): void {
    if (this.#flights.get(key) !== flight) return;
    this.#flights.delete(key);
    flight.cancel.abort();
  }
}
