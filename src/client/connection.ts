import { EngineError } from '#base/errors.ts';
import { ByteQueue } from './byte-queue.ts';
import type { Endpoint } from './host.ts';
import { ResponseParser, type ResponseHead } from './response-parser.ts';
import { openTransport, type Transport } from './transport.ts';

/** A response whose body arrives while it is read. */
export interface ConnectionResponse extends ResponseHead {
  readonly body: ByteQueue;
}

export type RequestBody = AsyncIterable<Uint8Array>;

/**
 * One connection to an engine: carries one request at a time. `onIdle` is called when a response is complete and the
 * connection may be used again.
 */
export class Connection {
  readonly #onIdle: (connection: Connection) => void;
  #transport: Transport | undefined;
  #current: Exchange | undefined;
  #failure: Error | undefined;

  private constructor(onIdle: (connection: Connection) => void) {
    this.#onIdle = onIdle;
  }

  /** Resolves when connected. @throws what connecting failed with, such as ENOENT */
  static async open(endpoint: Endpoint, onIdle: (connection: Connection) => void): Promise<Connection> {
    const connection = new Connection(onIdle);
    connection.#transport = await openTransport(endpoint, {
      data: (chunk) => connection.#receive(chunk),
      closed: (error) => connection.#closed(error),
    });
    return connection;
  }

  /** False once the peer closed or anything failed. */
  get usable(): boolean {
    return this.#failure === undefined && this.#current === undefined;
  }

  /**
   * Sends `head` (request line and headers, complete with its blank line and, where it is short, the body) and then
   * `body` in chunks. Resolves when the response's headers are there, which may be before the body is sent.
   */
  exchange(
    head: string | Buffer,
    body: RequestBody | undefined,
    bodyless: boolean,
  ): Promise<ConnectionResponse> {
    const transport = this.#transport;
    if (this.#failure || !transport) return Promise.reject(this.#failure ?? new TypeError('not connected'));
    const exchange = new Exchange(transport, bodyless, (reusable) => this.#finished(reusable));
    this.#current = exchange;
    transport.ref();
    transport.write(head);
    if (body) this.#send(transport, body, exchange).catch((error: unknown) => exchange.fail(asError(error)));
    return exchange.response;
  }

  /** Sends raw bytes after an upgrade; resolves when the socket takes more. */
  write(chunk: Uint8Array): Promise<void> {
    if (this.#failure || !this.#transport || this.#transport.write(chunk)) return Promise.resolve();
    return this.#transport.drained();
  }

  /** Half-closes: the peer sees the end of input, its output still arrives. */
  endWrite(): void {
    this.#transport?.end();
  }

  destroy(): void {
    this.#failure ??= new EngineError('aborted', 'The connection was closed');
    this.#transport?.destroy();
  }

  async #send(transport: Transport, body: RequestBody, exchange: Exchange): Promise<void> {
    for await (const chunk of body) {
      // An answer before the end of the body is a refusal: the rest would be thrown away.
      if (exchange.answered || this.#failure) return this.#abandon();
      if (chunk.length === 0) continue;
      transport.write(`${chunk.length.toString(16)}\r\n`);
      transport.write(chunk);
      const free = transport.write('\r\n');
      if (!free) await Promise.race([transport.drained(), exchange.response.catch(() => undefined)]);
    }
    transport.write('0\r\n\r\n');
  }

  #abandon(): void {
    this.#failure ??= new EngineError('aborted', 'The engine answered before the request was sent');
  }

  #receive(chunk: Buffer): void {
    try {
      this.#current?.parser.push(chunk);
    } catch (error) {
      this.#closed(asError(error));
    }
  }

  #finished(reusable: boolean): void {
    this.#current = undefined;
    // An idle connection is no reason to keep the process alive.
    this.#transport?.unref();
    if (reusable && this.#failure === undefined) this.#onIdle(this);
    else this.#transport?.destroy();
  }

  #closed(error?: Error): void {
    const current = this.#current;
    this.#failure ??= error ?? new EngineError('unavailable', 'The engine closed the connection');
    if (current) current.close(error);
    this.#current = undefined;
  }
}

/** One request under way. */
class Exchange {
  readonly parser: ResponseParser;
  readonly response: Promise<ConnectionResponse>;
  readonly #body: ByteQueue;
  readonly #fail: (error: Error) => void;
  answered = false;

  constructor(transport: Transport, bodyless: boolean, finished: (reusable: boolean) => void) {
    const { promise, resolve, reject } = Promise.withResolvers<ConnectionResponse>();
    this.response = promise;
    this.#fail = reject;
    this.#body = new ByteQueue({ pause: () => transport.pause(), resume: () => transport.resume() });
    this.parser = new ResponseParser(
      {
        head: (head) => {
          this.answered = true;
          resolve({ ...head, body: this.#body });
        },
        body: (chunk) => this.#body.push(chunk),
        end: (reusable) => {
          this.#body.end();
          finished(reusable);
        },
      },
      bodyless,
    );
  }

  fail(error: Error): void {
    this.#fail(error);
    this.#body.end(error);
  }

  close(error?: Error): void {
    if (error) return this.fail(error);
    try {
      this.parser.close();
    } catch (incomplete) {
      this.fail(asError(incomplete));
    }
  }
}

function asError(value: unknown): Error {
  return value instanceof Error ? value : new Error(String(value));
}
