import { once } from 'node:events';
import { EngineError } from '#base/errors.ts';
import type { ClientMessage, EngineMessage } from '#wire/build-session.ts';
import { decodeClientMessage } from '#wire/decode-build-session.ts';
import { encodeFrameHead, FrameDecoder, MAXIMUM_DATA_BYTES } from '#wire/frames.ts';
import type { RawStream } from '../hijack.ts';

/** Bytes that came and are not read yet: beyond the first, the client has to wait. */
const HIGH_WATER_BYTES = 8 << 20;
const LOW_WATER_BYTES = 2 << 20;

/** A connection that was taken over, as messages. */
export class FrameConnection {
  readonly #stream: RawStream;
  readonly #decoder = new FrameDecoder();
  readonly #gone = new AbortController();
  #unreadBytes = 0;
  #paused = false;
  #isCorked = false;

  constructor(stream: RawStream) {
    this.#stream = stream;
  }

  /** Fires when the client is gone, or sends what cannot be read. */
  get closed(): AbortSignal {
    return this.#gone.signal;
  }

  /**
   * Begins to read. Whatever `receive` throws ends the connection.
   *
   * @param receive counts the data as read by {@link release}
   */
  listen(receive: (message: ClientMessage, data: Buffer) => void): void {
    const { input, output } = this.#stream;
    input.on('data', (chunk: Buffer) => {
      try {
        for (const { head, data } of this.#decoder.push(chunk)) {
          this.#hold(data.length);
          receive(decodeClientMessage(head), data);
        }
      } catch (error) {
        this.#end(error);
      }
    });
    input.on('end', () => this.#end());
    input.on('error', (error) => this.#end(error));
    for (const stream of [input, output]) stream.on('close', () => this.#end());
  }

  /** What is sent after the client is gone goes nowhere. */
  send(message: EngineMessage, data?: Buffer): void {
    const { output } = this.#stream;
    if (this.closed.aborted || output.destroyed) return;
    this.#together();
    output.write(encodeFrameHead(message, data?.length));
    if (data !== undefined) output.write(data);
  }

  /** Sends data in several messages; resolves when the client takes more. @throws {EngineError} `aborted` */
  async sendData(message: EngineMessage, data: Buffer): Promise<void> {
    for (let at = 0; at < data.length; at += MAXIMUM_DATA_BYTES) {
      this.send(message, data.subarray(at, at + MAXIMUM_DATA_BYTES));
      await this.drained();
    }
  }

  async drained(): Promise<void> {
    this.closed.throwIfAborted();
    if (this.#stream.output.writableNeedDrain)
      await once(this.#stream.output, 'drain', { signal: this.closed });
  }

  release(bytes: number): void {
    this.#unreadBytes -= bytes;
    if (!this.#paused || this.#unreadBytes > LOW_WATER_BYTES) return;
    this.#paused = false;
    this.#stream.input.resume();
  }

  /** Ends the connection after all that was sent. */
  finish(): void {
    this.#stream.output.end();
  }

  /** What is sent in one turn of the event loop goes out at once. */
  #together(): void {
    if (this.#isCorked) return;
    this.#isCorked = true;
    this.#stream.output.cork();
    setImmediate(() => {
      this.#isCorked = false;
      this.#stream.output.uncork();
    });
  }

  #hold(bytes: number): void {
    this.#unreadBytes += bytes;
    if (this.#paused || this.#unreadBytes < HIGH_WATER_BYTES) return;
    this.#paused = true;
    this.#stream.input.pause();
  }

  #end(cause?: unknown): void {
    if (this.closed.aborted) return;
    this.#gone.abort(new EngineError('aborted', 'Cannot reach client: it is gone', { cause }));
    if (cause !== undefined) this.#stream.output.destroy();
  }
}
