import type { Readable, Writable } from 'node:stream';
import type { Transport, TransportEvents } from './transport.ts';

/** The two directions of a connection. */
export interface Streams {
  readonly readable: Readable;
  readonly writable: Writable;
  /** What the two belong to. */
  readonly handle: { destroy(): unknown; ref(): unknown; unref(): unknown };
}

/** A transport over streams of Node. That they were closed is told by whoever opened them. */
export class StreamTransport implements Transport {
  readonly #streams: Streams;
  /** One promise for everyone who waits. */
  #drained: Promise<void> | undefined;

  constructor(streams: Streams, events: Pick<TransportEvents, 'data'>) {
    this.#streams = streams;
    streams.readable.on('data', (chunk: Buffer) => events.data(chunk));
  }

  write(bytes: string | Uint8Array): boolean {
    const { writable } = this.#streams;
    return writable.destroyed || writable.write(bytes);
  }

  drained(): Promise<void> {
    const { writable } = this.#streams;
    if (writable.destroyed || !writable.writableNeedDrain) return Promise.resolve();
    if (this.#drained) return this.#drained;
    const { promise, resolve } = Promise.withResolvers<void>();
    const done = (): void => {
      writable.off('drain', done);
      writable.off('close', done);
      this.#drained = undefined;
      resolve();
    };
    writable.on('drain', done);
    writable.on('close', done);
    this.#drained = promise;
    return promise;
  }

  end(): void {
    this.#streams.writable.end();
  }

  destroy(): void {
    this.#streams.handle.destroy();
  }

  pause(): void {
    this.#streams.readable.pause();
  }

  resume(): void {
    this.#streams.readable.resume();
  }

  ref(): void {
    this.#streams.handle.ref();
  }

  unref(): void {
    this.#streams.handle.unref();
  }
}
