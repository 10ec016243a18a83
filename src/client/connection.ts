import { connect, type Socket } from 'node:net';
import { EngineError } from '#base/errors.ts';
import { ByteQueue } from './byte-queue.ts';
import type { Endpoint } from './host.ts';
import { ResponseParser, type ResponseHead } from './response-parser.ts';

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
  readonly #socket: Socket;
  readonly #onIdle: (connection: Connection) => void;
  #current: Exchange | undefined;
  #failure: Error | undefined;

  private constructor(socket: Socket, onIdle: (connection: Connection) => void) {
    this.#socket = socket;
    this.#onIdle = onIdle;
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    socket.on('end', () => this.#closed());
    socket.on('error', (error) => this.#closed(error));
    socket.on('close', () => this.#closed());
  }

  /** Resolves when connected. @throws what `connect` failed with, such as ENOENT */
  static async open(endpoint: Endpoint, onIdle: (connection: Connection) => void): Promise<Connection> {
    const socket = await connectTo(endpoint);
    return new Connection(socket, onIdle);
  }

  /** False once the peer closed or anything failed. */
  get usable(): boolean {
    return this.#failure === undefined && this.#current === undefined;
  }

  /**
   * Sends `head` (request line and headers, complete with its blank line and, where it is short, the body) and then
   * `body` in chunks. Resolves when the response's headers are there, which may be before the body is sent.
   */
  exchange(head: string | Buffer, body: RequestBody | undefined, bodyless: boolean): Promise<ConnectionResponse> {
    if (this.#failure) return Promise.reject(this.#failure);
    const exchange = new Exchange(this.#socket, bodyless, (reusable) => this.#finished(reusable));
    this.#current = exchange;
    this.#socket.ref();
    this.#socket.write(head);
    if (body) this.#send(body, exchange).catch((error: unknown) => exchange.fail(asError(error)));
    return exchange.response;
  }

  /** Sends raw bytes after an upgrade; resolves when the socket takes more. */
  write(chunk: Uint8Array): Promise<void> {
    if (this.#failure || this.#socket.write(chunk)) return Promise.resolve();
    return drained(this.#socket);
  }

  /** Half-closes: the peer sees the end of input, its output still arrives. */
  endWrite(): void {
    this.#socket.end();
  }

  destroy(): void {
    this.#failure ??= new EngineError('aborted', 'The connection was closed');
    this.#socket.destroy();
  }

  async #send(body: RequestBody, exchange: Exchange): Promise<void> {
    for await (const chunk of body) {
      // An answer before the end of the body is a refusal: the rest would be thrown away.
      if (exchange.answered || this.#failure) return this.#abandon();
      if (chunk.length === 0) continue;
      this.#socket.cork();
      this.#socket.write(`${chunk.length.toString(16)}\r\n`);
      this.#socket.write(chunk);
      const free = this.#socket.write('\r\n');
      this.#socket.uncork();
      if (!free) await Promise.race([drained(this.#socket), exchange.response.catch(() => undefined)]);
    }
    this.#socket.write('0\r\n\r\n');
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
    this.#socket.unref();
    if (reusable && this.#failure === undefined) this.#onIdle(this);
    else this.#socket.destroy();
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

  constructor(socket: Socket, bodyless: boolean, finished: (reusable: boolean) => void) {
    const { promise, resolve, reject } = Promise.withResolvers<ConnectionResponse>();
    this.response = promise;
    this.#fail = reject;
    this.#body = new ByteQueue({ pause: () => socket.pause(), resume: () => socket.resume() });
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

async function connectTo(endpoint: Endpoint): Promise<Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const socket = await openSocket(endpoint, resolve);
  socket.on('error', reject);
  await promise;
  socket.off('error', reject);
  return socket;
}

async function openSocket(endpoint: Endpoint, connected: () => void): Promise<Socket> {
  if (endpoint.kind === 'unix') return connect({ path: endpoint.path, allowHalfOpen: true }, connected);
  const { host, port, tls } = endpoint;
  if (!tls) return connect({ host, port, allowHalfOpen: true, noDelay: true }, connected);
  // Loaded only here: TLS is rare on this machine's own engine and slow to load.
  const { connect: connectTls } = await import('node:tls');
  const { verify, ...files } = tls;
  return connectTls({ host, port, servername: host, rejectUnauthorized: verify, ...files }, connected);
}

function drained(socket: Socket): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const done = (): void => {
    socket.off('drain', done);
    socket.off('close', done);
    resolve();
  };
  socket.on('drain', done);
  socket.on('close', done);
  return promise;
}

function asError(value: unknown): Error {
  return value instanceof Error ? value : new Error(String(value));
}
