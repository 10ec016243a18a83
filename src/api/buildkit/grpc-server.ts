/** gRPC on a connection that was upgraded: finds the method of a call and ends every call with its status. */
import { once } from 'node:events';
import { performServerHandshake, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import type { Duplex } from 'node:stream';
import { EngineError, isEngineError } from '#base/errors.ts';
import type { Logger } from '#base/log.ts';
import type { MessageType } from '#wire/buildkit/message.ts';
import { duplexOf } from './byte-streams.ts';
import { FrameWriter, messagesOf } from './grpc-frames.ts';
import { GRPC_OK, statusOf, trailersOf } from './grpc-status.ts';

export interface Call {
  /** The client's headers, where gRPC puts metadata. */
  readonly metadata: IncomingHttpHeaders;
  readonly signal: AbortSignal;
  /** Fires when the client is gone. */
  readonly connection: AbortSignal;
}

/** Answers a call with any number of messages. */
export type Method = (requests: Requests, call: Call, answer: Answer) => Promise<void>;

/** What the client sends in a call; to be read once. */
interface Requests {
  /** The one message, after which the client is silent. @throws {EngineError} `invalid` if there is none */
  one(): Promise<Buffer>;
  /** Until the client has no more to say. */
  all(): AsyncGenerator<Buffer, void>;
}

interface Answer {
  /** Sends the headers now: some clients wait for them. */
  begin(headers?: Readonly<Record<string, string>>): void;
  /** Resolves when more may be sent. */
  send(message: Uint8Array): Promise<void>;
}

/** Methods by their paths: `/package.Service/Method`. */
export type Methods = Readonly<Record<string, Method>>;

export function unary<Q, R>(
  request: MessageType<Q, never>,
  response: MessageType<unknown, R>,
  handle: (request: Q, call: Call) => Promise<R> | R,
): Method {
  return async (requests, call, answer) => {
    const reply = await handle(decode(request, await requests.one()), call);
    await answer.send(response.encode(reply));
  };
}

export function streaming<Q, R>(
  request: MessageType<Q, never>,
  response: MessageType<unknown, R>,
  handle: (request: Q, call: Call) => AsyncIterable<R>,
): Method {
  return async (requests, call, answer) => {
    const wanted = decode(request, await requests.one());
    answer.begin({ 'buildkit-current-timestamp': new Date().toISOString() });
    for await (const reply of handle(wanted, call)) {
      call.signal.throwIfAborted();
      await answer.send(response.encode(reply));
    }
  };
}

function decode<T>(type: MessageType<T, never>, bytes: Uint8Array): T {
  try {
    return type.decode(bytes);
  } catch (cause) {
    throw new EngineError('invalid', 'Cannot read gRPC message: it is damaged', { cause });
  }
}

/** A call that carries bytes both ways as a connection does; it lasts as long as `use` does. */
export function tunnel(use: (connection: Duplex, call: Call) => Promise<void>): Method {
  return async (requests, call, answer) => {
    const done = new AbortController();
    const end = () => done.abort();
    const connection = duplexOf({
      messages: () => requests.all(),
      send: (message) => answer.send(message),
      end,
      [Symbol.dispose]: end,
    });
    connection.on('error', () => {});
    call.signal.addEventListener('abort', () => connection.destroy());
    // Clients wait for the headers before they say anything.
    answer.begin();
    try {
      await Promise.race([use(connection, call), once(done.signal, 'abort')]);
    } finally {
      connection.destroy();
    }
  };
}

/** Room for what clients send at once, as BuildKit offers it. */
const OPTIONS = {
  settings: { initialWindowSize: 1 << 20, maxConcurrentStreams: 250 },
  // Errors carry the Dockerfile.
  maxSendHeaderBlockLength: 4 * 2 ** 20,
};

export function serveGrpc(connection: Duplex, methods: Methods, logger: Logger): void {
  const session = performServerHandshake(connection, OPTIONS);
  const gone = new AbortController();
  // HTTP/2 has no half-closed connections, but sockets of the API have.
  connection.on('end', () => session.destroy());
  session.on('close', () => gone.abort());
  // Clients just leave, often without a word.
  session.on('error', (error: Error) => logger.debug('gRPC connection broken', { error }));
  session.on('stream', (stream, headers) => {
    void serveCall(stream, headers, { methods, connection: gone.signal, logger });
  });
}

interface Service {
  readonly methods: Methods;
  readonly connection: AbortSignal;
  readonly logger: Logger;
}

async function serveCall(
  stream: ServerHttp2Stream,
  metadata: IncomingHttpHeaders,
  { methods, connection, logger }: Service,
): Promise<void> {
  const canceled = new AbortController();
  stream.on('error', (error) => logger.debug('gRPC call broken', { error }));
  stream.on('close', () => canceled.abort(new EngineError('aborted', 'context canceled')));
  const path = String(metadata[':path']);
  const answer = answerOn(stream);
  try {
    const method = methods[path];
    if (!method) throw new EngineError('not-implemented', `unknown method ${path}`);
    const call = { metadata, signal: canceled.signal, connection };
    await method(requestsOn(stream), call, answer);
    answer.end({ code: GRPC_OK, message: '', details: [] });
  } catch (error) {
    if (!isEngineError(error)) logger.error('gRPC call failed', { path, error: String(error) });
    answer.end(statusOf(error));
  }
}

function requestsOn(stream: ServerHttp2Stream): Requests {
  return {
    async one() {
      for await (const message of messagesOf(stream)) {
        stream.resume();
        return message;
      }
      throw new EngineError('invalid', 'Cannot read gRPC message: there is none');
    },
    all: () => messagesOf(stream),
  };
}

function answerOn(stream: ServerHttp2Stream): Answer & { end(status: ReturnType<typeof statusOf>): void } {
  const begin = (headers: Readonly<Record<string, string>> = {}): void => {
    if (stream.headersSent || stream.destroyed) return;
    const standard = { ':status': 200, 'content-type': 'application/grpc' };
    stream.respond({ ...standard, ...headers }, { waitForTrailers: true });
  };
  const writer = new FrameWriter(stream);
  return {
    begin,
    send: async (message) => {
      begin();
      await writer.write(message);
    },
    end: (status) => {
      if (stream.destroyed) return;
      begin();
      stream.once('wantTrailers', () => stream.sendTrailers(trailersOf(status)));
      stream.end();
    },
  };
}
