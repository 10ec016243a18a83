import type { Writable } from 'node:stream';

/**
 * The way into one run's standard input, before, while and after it can be written to: writes before the process
 * runs wait for it, writes after its end are dropped.
 */
export class InputGate {
  readonly #opened = Promise.withResolvers<Writable | undefined>();

  open(target: Writable | undefined): void {
    // The process may close its end at any time; that is no error of ours.
    target?.on('error', () => {});
    this.#opened.resolve(target);
  }

  /** The run is over, or never began. */
  close(): void {
    this.#opened.resolve(undefined);
  }

  /** Resolves when the pipe has room again; never rejects. */
  async write(data: Buffer): Promise<void> {
    const target = await this.#opened.promise;
    if (!target?.writable) return;
    await new Promise<void>((resolve) => target.write(data, () => resolve()));
  }

  /** End of file for the process. */
  async end(): Promise<void> {
    const target = await this.#opened.promise;
    target?.end();
  }
}
