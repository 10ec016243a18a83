import { setImmediate } from 'node:timers/promises';
import { EngineError, messageOf } from '#base/errors.ts';
import type { Logger } from '#base/log.ts';

/**
 * Refilling waits until nobody has taken one for so long: a namespace costs its thread some 9 ms, which a burst, or
 * one start after another, would feel. So would an engine that is just being started.
 */
const REST_MS = 500;
/** With nothing in stock any more. */
const SHORT_REST_MS = 30;

export interface NamespacePoolOptions<Namespace> {
  /** In steps of about a millisecond each: the last value is the namespace. One that is left early undoes its steps. */
  readonly build: () => Iterable<Namespace | undefined>;
  /** Gives back one that nobody used. */
  readonly discard: (namespace: Namespace) => void;
  readonly size: number;
  readonly logger: Logger;
}

/**
 * Keeps namespaces ready, so that a container gets one in no time. They are built in the background, in steps so
 * small that nothing else waits; when the pool is empty, one is built on the spot.
 */
export class NamespacePool<Namespace> implements AsyncDisposable {
  readonly #options: NamespacePoolOptions<Namespace>;
  readonly #ready: Namespace[] = [];
  #timer: NodeJS.Timeout | undefined;
  #takes = 0;
  #filling = Promise.resolve();
  #disposed = false;

  constructor(options: NamespacePoolOptions<Namespace>) {
    this.#options = options;
    this.#fillLater(REST_MS);
  }

  /** How many are ready. */
  get available(): number {
    return this.#ready.length;
  }

  /** A namespace that is the caller's from now on. */
  take(): Namespace {
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

  #buildNow(): Namespace {
    for (const namespace of this.#options.build()) if (namespace) return namespace;
    throw new EngineError('internal', 'Cannot build a network namespace: no steps');
  }

  /** Fills the pool, or stops after the namespace at hand when somebody took one: the timer is running again then. */
  async #fill(): Promise<void> {
    const takes = this.#takes;
    try {
      while (this.#ready.length < this.#options.size && takes === this.#takes && !this.#disposed) {
        const namespace = await this.#buildSlowly();
        if (namespace) this.#ready.push(namespace);
      }
    } catch (error) {
      // Whoever needs one will be told when building it on the spot fails too.
      this.#options.logger.warn('cannot prepare a network namespace', { error: messageOf(error) });
    }
  }

  /** Leaving the loop early undoes the steps so far. */
  async #buildSlowly(): Promise<Namespace | undefined> {
    for (const namespace of this.#options.build()) {
      if (namespace) return namespace;
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
    for (const namespace of this.#ready.splice(0)) this.#options.discard(namespace);
  }
}
