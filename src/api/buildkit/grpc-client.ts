/** gRPC to a client, on the connection that it opened for us. */
import {
  connect,
  constants,
  type ClientHttp2Session,
  type ClientHttp2Stream,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
} from 'node:http2';
import type { Duplex } from 'node:stream';
import { EngineError, isEngineError } from '#base/errors.ts';
import type { MessageType } from '#wire/buildkit/message.ts';
import { batchesOf, FrameWriter } from './grpc-frames.ts';
import { checkTrailers } from './grpc-status.ts';

/** A context of gigabytes comes over one stream. */
const WINDOW_BYTES = 16 * 2 ** 20;
/** Ignore files travel in headers. */
const MAXIMUM_HEADER_BYTES = 4 * 2 ** 20;

export class GrpcClient {
  readonly #session: ClientHttp2Session;
  readonly #closed = new AbortController();

  constructor(connection: Duplex) {
    this.#session = connect('http://localhost', {
      createConnection: () => connection,
      settings: { enablePush: false, initialWindowSize: WINDOW_BYTES },
      maxSendHeaderBlockLength: MAXIMUM_HEADER_BYTES,
    });
    this.#session.once('connect', () => this.#session.setLocalWindowSize(WINDOW_BYTES));
    this.#session.on('error', () => this.#session.destroy());
    // HTTP/2 has no half-closed connections, but sockets of the API have.
    connection.on('end', () => this.#session.destroy());
    this.#session.on('close', () =>
      this.#closed.abort(new EngineError('aborted', 'Cannot reach client of the build: it is gone')),
    );
  }

  /** Fires when the client is gone. */
  get closed(): AbortSignal {
    return this.#closed.signal;
  }

  close(): void {
    this.#session.close();
  }

  /** @throws {GrpcError} what the client answers; {EngineError} `aborted` */
  async call<Q, R>(
    path: string,
    [request, response]: readonly [MessageType<unknown, Q>, MessageType<R, never>],
    message: Q,
    signal: AbortSignal,
  ): Promise<R> {
    using stream = this.open(path, {}, signal);
    await stream.send(request.encode(message));
    stream.end();
    let reply: Buffer | undefined;
    for await (const received of stream.messages()) reply ??= received;
    return response.decode(reply ?? Buffer.alloc(0));
  }

  /** A call whose messages go both ways; it ends with `signal`. */
  open(path: string, metadata: OutgoingHttpHeaders, signal: AbortSignal): GrpcStream {
    signal.throwIfAborted();
    this.closed.throwIfAborted();
    const stream = this.#session.request(
      {
        ...metadata,
        ':method': 'POST',
        ':path': path,
        'content-type': 'application/grpc',
        te: 'trailers',
      },
      { endStream: false },
    );
    return new GrpcStream(stream, AbortSignal.any([signal, this.closed]));
  }
}

/** One call to a client. A caller that stops before its end disposes it. */
export class GrpcStream implements Disposable {
  readonly #stream: ClientHttp2Stream;
  readonly #signal: AbortSignal;
  readonly #writer: FrameWriter;
  #ending: IncomingHttpHeaders | undefined;

  constructor(stream: ClientHttp2Stream, signal: AbortSignal) {
    this.#stream = stream;
    this.#signal = signal;
    this.#writer = new FrameWriter(stream);
    // A call that fails at once has its status in the only headers.
    stream.on('response', (headers) => {
      if (headers['grpc-status'] !== undefined) this.#ending = headers;
    });
    stream.on('trailers', (headers: IncomingHttpHeaders) => {
      this.#ending = headers;
    });
    stream.on('error', () => undefined);
    const cancel = () => this[Symbol.dispose]();
    signal.addEventListener('abort', cancel);
    stream.on('close', () => signal.removeEventListener('abort', cancel));
  }

  /** Resolves when more may be sent. */
  async send(message: Uint8Array): Promise<void> {
    if (this.#stream.destroyed) throw this.#failure();
    await this.#writer.write(message);
  }

  /** Nothing more is sent; what the client sends still comes. */
  end(): void {
    this.#stream.end();
  }

  /**
   * To be read once, here or by {@link batches}.
   *
   * @throws {GrpcError} what the client answers; {EngineError} `aborted`
   */
  async *messages(): AsyncGenerator<Buffer, void> {
    for await (const batch of this.batches()) for (const message of batch) yield message;
  }

  /** The messages, those together that have come together. */
  async *batches(): AsyncGenerator<readonly Buffer[], void> {
    try {
      for await (const batch of batchesOf(this.#stream)) yield batch;
    } catch (error) {
      throw isEngineError(error, 'invalid') ? error : this.#failure();
    }
    if (!this.#ending) throw this.#failure();
    checkTrailers(this.#ending);
  }

  [Symbol.dispose](): void {
    if (!this.#stream.destroyed) this.#stream.close(constants.NGHTTP2_CANCEL);
  }

  #failure(): Error {
    const reason: unknown = this.#signal.reason;
    if (isEngineError(reason)) return reason;
    return new EngineError('aborted', 'Cannot reach client of the build: it is gone', { cause: reason });
  }
}
