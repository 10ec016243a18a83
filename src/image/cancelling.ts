import { imageError } from './image-errors.ts';

/** A signal that fires with the caller's, and when it is disposed: for generators, which may be left at any `yield`. */
export class Cancelling implements Disposable {
  readonly signal: AbortSignal;
  readonly #controller = new AbortController();
  readonly #action: string;

  /** @param action for the error, as in "Cannot <action> image" */
  constructor(outer: AbortSignal | undefined, action: string) {
    this.signal = outer ? AbortSignal.any([outer, this.#controller.signal]) : this.#controller.signal;
    this.#action = action;
  }

  [Symbol.dispose](): void {
    this.#controller.abort(imageError('transfer-cancelled', { details: { action: this.#action } }));
  }
}
