import { messageOf } from '#base/errors.ts';
import type { Logger } from '#base/log.ts';
import { removeNetworkNamespace } from '#linux/namespaces.ts';

/**
 * Drops the pins of namespaces a moment later, in the next turn of the event loop: unmounting waits for the whole
 * machine (RCU), a millisecond for which no client has to wait. The next start of the engine
 * drops what a crash leaves. Disposing drops the rest.
 */
export class NamespaceReaper implements Disposable {
  readonly #logger: Logger;
  readonly #paths: string[] = [];
  #turn: NodeJS.Immediate | undefined;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** The path must not be used any more. */
  reap(path: string): void {
    this.#paths.push(path);
    this.#turn ??= setImmediate(() => this.#drop());
  }

  #drop(): void {
    this.#turn = undefined;
    for (const path of this.#paths.splice(0)) {
      try {
        removeNetworkNamespace(path);
      } catch (error) {
        this.#logger.error('cannot drop a network namespace', { path, error: messageOf(error) });
      }
    }
  }

  [Symbol.dispose](): void {
    clearImmediate(this.#turn);
    this.#drop();
  }
}
