import { messageOf } from '#base/errors.ts';
import type { Logger } from '#base/log.ts';

/** Work that goes on after the call that began it; the daemon waits for it before it stops. */
export class BackgroundWork {
  readonly #logger: Logger;
  readonly #running = new Set<Promise<void>>();

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** What goes wrong is logged with `what`. */
  add(what: string, work: Promise<unknown>): void {
    const logged = this.#watch(what, work);
    this.#running.add(logged);
    void logged.finally(() => this.#running.delete(logged));
  }

  /** Resolves when all of it is done, what it starts itself included. */
  async settled(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  async #watch(what: string, work: Promise<unknown>): Promise<void> {
    try {
      await work;
    } catch (error) {
      this.#logger.error(what, { error: messageOf(error) });
    }
  }
}
