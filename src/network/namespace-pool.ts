import { setImmediate } from 'node:timers/promises';
import { EngineError, messageOf } from '#base/errors.ts';
import type { Logger } from '#base/log.ts';

/**
 * Refilling waits until none has been taken for so long: a namespace costs its thread some 2 ms, which would slow
 * down a burst of starts, one start after another, and the start of the engine.
 */
const REST_MS = 500;
/** The pause before refilling an empty pool. */
const SHORT_REST_MS = 30;

export interface NamespacePoolOptions {
  /** Builds one in steps of about a millisecond each: the last value is the path. Leaving early undoes the steps. */
  readonly build: () => Iterable<string | undefined>;
  /** Removes one that was not used. */
  readonly discard: (path: string) => void;
  readonly size: number;
  readonly logger: Logger;
}

/**
 * Keeps network namespaces ready, by the paths at which they are pinned, so that a container gets one without waiting.
 * They belong to no network. They are built in the background, in steps so small that nothing else waits; when the
 * pool is empty, one is built on the spot.
 */
export class NamespacePool implements AsyncDisposable {
  readonly #options: NamespacePoolOptions;
  readonly #ready: string[] = [];
  #timer: NodeJS.Timeout | undefined;
  #takes = 0;
  #filling = Promise.resolve();
  #disposed = false;

  constructor(options: NamespacePoolOptions) {
    this.#options = options;
    this.#fillLater(REST_MS);
  }

  /** A namespace that is the caller's from now on. */
  take(): string {
    this.#takes++;
    const ready = this.#ready.pop();
    this.#fillLater(this.#ready.length === 0 ? SHORT_REST_MS : REST_MS);
    return ready ?? this.#buildNow();
  }

  #fillLater(restMs: number): void {
    clearTimeout(this.#timer);
    const fill = () => {
      this.#filling = this.#filling.then(() => this.#fill());
    };
    this.#timer = setTimeout(fill, restMs).unref();
  }

  #buildNow(): string {
    for (const path of this.#options.build()) if (path !== undefined) return path;
    throw new EngineError('internal', 'Cannot build a network namespace: no steps');
  }

  /** Fills the pool, or stops after the namespace at hand when one was taken: the timer is running again then. */
  async #fill(): Promise<void> {
    const takes = this.#takes;
    try {
      while (this.#ready.length < this.#options.size && takes === this.#takes && !this.#disposed) {
        const path = await this.#buildSlowly();
        if (path !== undefined) this.#ready.push(path);
      }
    } catch (error) {
      // A start that needs one is told when building it on the spot fails too.
      this.#options.logger.warn('cannot prepare a network namespace', { error: messageOf(error) });
    }
  }

  /** Leaving the loop early undoes the steps so far. */
  async #buildSlowly(): Promise<string | undefined> {
    for (const path of this.#options.build()) {
      if (path !== undefined) return path;
      await setImmediate();
      if (this.#disposed) break;
    }
    return undefined;
  }

  /** Drops what is ready; what was taken is not touched. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed = true;
    clearTimeout(this.#timer);
    await this.#filling;
    for (const path of this.#ready.splice(0)) this.#options.discard(path);
  }
}
