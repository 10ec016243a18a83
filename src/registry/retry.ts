/** Trying again what may succeed later. */
import { setTimeout as sleep } from 'node:timers/promises';
import { RegistryFailure } from './registry-failure.ts';

export interface RetryPolicy {
  /** How many there are in all, the first included. */
  readonly attempts: number;
  /** The first pause; each further one is twice as long. */
  readonly firstPauseMs: number;
  readonly maximumPauseMs: number;
  /** A registry that asks for more than this is not waited for. */
  readonly maximumRetryAfterMs: number;
}

export const DEFAULT_RETRY: RetryPolicy = {
  attempts: 6,
  firstPauseMs: 400,
  maximumPauseMs: 20_000,
  maximumRetryAfterMs: 120_000,
};

/**
 * Counts failures in a row; `succeeded` starts anew.
 *
 * Pauses have jitter (half of each is random), so that clients that failed together do not come back together.
 */
export class Backoff {
  readonly #policy: RetryPolicy;
  readonly #signal: AbortSignal | undefined;
  #failures = 0;

  constructor(policy: RetryPolicy, signal: AbortSignal | undefined) {
    this.#policy = policy;
    this.#signal = signal;
  }

  succeeded(): void {
    this.#failures = 0;
  }

  /** Waits before the next attempt. @throws `error` itself, if it is not worth one */
  async pause(error: unknown): Promise<void> {
    this.#signal?.throwIfAborted();
    if (!(error instanceof RegistryFailure) || !error.isTransient) throw error;
    const { attempts, maximumRetryAfterMs } = this.#policy;
    if (++this.#failures >= attempts) throw error;
    if ((error.retryAfterMs ?? 0) > maximumRetryAfterMs) throw error;
    await sleep(Math.max(error.retryAfterMs ?? 0, this.#pauseMs()), undefined, this.#signaled());
  }

  #pauseMs(): number {
    const { firstPauseMs, maximumPauseMs } = this.#policy;
    const full = Math.min(firstPauseMs * 2 ** (this.#failures - 1), maximumPauseMs);
    return full / 2 + (Math.random() * full) / 2;
  }

  #signaled(): { readonly signal?: AbortSignal } {
    return this.#signal ? { signal: this.#signal } : {};
  }
}

/** Repeats `work` while its failures may pass. */
export async function withRetry<T>(
  policy: RetryPolicy,
  signal: AbortSignal | undefined,
  work: () => Promise<T>,
): Promise<T> {
  const backoff = new Backoff(policy, signal);
  for (;;) {
    try {
      return await work();
    } catch (error) {
      await backoff.pause(error);
    }
  }
}
