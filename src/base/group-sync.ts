/**
 * Shares one sync among all that ask for it at about the same time.
 *
 * A sync that has begun may miss what a caller just wrote, so such callers wait for the next one, together.
 */
export class GroupSync {
  readonly #work: () => Promise<void>;
  #running: Promise<void> | undefined;
  #next: Promise<void> | undefined;

  constructor(work: () => Promise<void>) {
    this.#work = work;
  }

  /** Resolves when a sync that began after the call has ended; rejects with its error. */
  sync(): Promise<void> {
    this.#next ??= this.#afterRunning();
    return this.#next;
  }

  async #afterRunning(): Promise<void> {
    await this.#running?.catch(() => undefined);
    this.#running = this.#next;
    this.#next = undefined;
    await this.#work();
  }
}
