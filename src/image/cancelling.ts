import { EngineError } from '#base/errors.ts';

/** A signal that fires with the caller's, and when it is disposed: for generators, which may be left at any `yield`. */
export class Cancelling implements Disposable {
  readonly signal: AbortSignal;
  readonly #controller = new AbortController();
  readonly #message: string;

  constructor(outer: AbortSignal | undefined, message: string) {
    this.signal = outer ? AbortSignal.any([outer, this.#controller.signal]) : this.#controller.signal;
    this.#message = message;
  }

  [Symbol.dispose](): void {
    this.#controller.abort(new EngineError('aborted', this.#message));
  }
}
