interface Flight<Result> {
  readonly result: Promise<Result>;
  readonly cancel: AbortController;
  waiting: number;
}

/** As `SingleFlight`, for callers that may give up: the work is cancelled when nobody waits for it any more. */
export class SharedWork<Key, Result> {
  readonly #flights = new Map<Key, Flight<Result>>();
  /** With those that were cancelled and have not ended yet. */
  readonly #running = new Set<Promise<Result>>();

  /** Rejects with the reason of `signal` at once when it fires, whatever the work does. */
  async do(
    key: Key,
    work: (signal: AbortSignal) => Promise<Result>,
    signal: AbortSignal | undefined,
  ): Promise<Result> {
    signal?.throwIfAborted();
    const flight = this.#flights.get(key) ?? this.#start(key, work);
    flight.waiting++;
    const { promise, reject } = Promise.withResolvers<never>();
    const abort = () => reject(reasonOf(signal));
    signal?.addEventListener('abort', abort);
    try {
      return await (signal ? Promise.race([flight.result, promise]) : flight.result);
    } finally {
      signal?.removeEventListener('abort', abort);
      if (--flight.waiting === 0) this.#abandon(key, flight);
    }
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

  /** Nobody may join work that is being cancelled. */
  #abandon(key: Key, flight: Flight<Result>): void {
    if (this.#flights.get(key) !== flight) return;
    this.#flights.delete(key);
    flight.cancel.abort();
  }
}

function reasonOf(signal: AbortSignal | undefined): Error {
  const reason: unknown = signal?.reason;
  return reason instanceof Error ? reason : new Error('aborted', { cause: reason });
}
