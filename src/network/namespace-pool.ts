import { setImmediate } from 'node:timers/promises';
import { EngineError, messageOf } from '#base/errors.ts';
import type { Logger } from '#base/log.ts';
import { RouteSocket } from '#linux/rtnetlink.ts';
import { buildNamespace, discardNamespace, type Plug, type ReadyNamespace } from './ready-namespace.ts';

/** Refilling waits until nobody has taken one for so long: starting containers comes first. */
const REST_MS = 30;

export interface NamespacePoolOptions {
  readonly directory: string;
  readonly plug: Plug;
  readonly size: number;
  readonly logger: Logger;
}

/**
 * Keeps namespaces ready, so that a container gets one in no time. They are built in the background, in steps so
 * small that nothing else waits; when the pool is empty, one is built on the spot.
 */
export class NamespacePool implements AsyncDisposable {
  readonly #options: NamespacePoolOptions;
  readonly #host = RouteSocket.open();
  readonly #ready: ReadyNamespace[] = [];
  readonly #timer: NodeJS.Timeout;
  #takes = 0;
  #filling = Promise.resolve();
  #disposed = false;

  constructor(options: NamespacePoolOptions) {
    this.#options = options;
    this.#timer = setTimeout(() => {
      this.#filling = this.#filling.then(() => this.#fill());
    }, REST_MS);
    this.#timer.unref();
  }

  /** How many are ready. */
  get available(): number {
    return this.#ready.length;
  }

  /** A namespace that is the caller's from now on. */
  take(): ReadyNamespace {
    this.#takes++;
    this.#timer.refresh();
    return this.#ready.pop() ?? this.#buildNow();
  }

  #buildNow(): ReadyNamespace {
    for (const namespace of this.#steps()) if (namespace) return namespace;
    throw new EngineError('internal', 'Cannot build a network namespace: no steps');
  }

  #steps(): Iterable<ReadyNamespace | undefined> {
    return buildNamespace(this.#options.directory, this.#options.plug, this.#host);
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
  async #buildSlowly(): Promise<ReadyNamespace | undefined> {
    for (const namespace of this.#steps()) {
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
    for (const namespace of this.#ready.splice(0)) discardNamespace(namespace);
    this.#host[Symbol.dispose]();
  }
}
