/**
 * Taking a connection over: after the answer's headers it carries raw bytes both ways, as attach and exec want it.
 *
 * The answer to an Upgrade header is 101. Older and simpler clients send none: they get 200 without a length, and the
 * end of the connection ends the body.
 */
import type { Duplex, Readable, Writable } from 'node:stream';
import type { Socket } from 'node:net';
import { detachConnection, tuneForStreaming } from './connection.ts';
import type { Exchange } from './exchange.ts';
import { bodyStream, hasBody } from './request-body.ts';
import { untilRead } from './until-read.ts';

export interface RawStream {
  /** What the client sends; its end is the client's half-close, not a disconnect. */
  readonly input: Readable;
  /** Ending it sends FIN. It is destroyed, with or without an error, when the client is gone. */
  readonly output: Writable;
  /** Resolves when the client has read the headers: some lose output that comes right behind them. */
  readonly ready: Promise<void>;
}

/** What a client may still send after our FIN before the connection is cut. */
const LINGER_MS = 5000;

/**
 * Sends the headers and hands over the connection; from here on the exchange can no longer answer.
 *
 * `contentType` is for the client that upgraded; the other one always gets `raw-stream`, as from Docker.
 * `bodyConsumed` says that the request's body was the description of what to do, not input.
 */
export function takeOver(
  exchange: Exchange,
  options: { readonly contentType: string; readonly bodyConsumed: boolean },
): RawStream {
  if (!exchange.upgrade && hasBody(exchange) && !options.bodyConsumed) return answerWhileReading(exchange);
  const connection = takeConnection(exchange);
  connection.write(headOf(exchange, options.contentType));
  // Not the connection: docker-py sends a request's head and its body apart, and when only the head has arrived, Node
  // upgrades to a stream of its own around the socket, which has no descriptor to ask.
  return { input: connection, output: connection, ready: untilRead(exchange.request.socket) };
}

/** The bare connection: no parser, no time-outs; it closes itself some time after our FIN. */
export function takeConnection(exchange: Exchange): Duplex {
  exchange.hijacked = true;
  const { socket } = exchange.request;
  const connection = exchange.upgrade ?? socket;
  detachConnection(exchange.response, connection);
  if (!exchange.upgrade) detachParser(socket);
  connection.on('error', () => connection.destroy());
  tuneForStreaming(socket);
  connection.once('finish', () => lingerOn(connection));
  return connection;
}

/**
 * 101 as the daemon writes it; the common headers are there for clients that look. As in Docker the Upgrade header
 * alone asks for it, though HTTP wants a Connection header beside it.
 */
function headOf(exchange: Exchange, contentType: string): string {
  const { upgrade: protocol } = exchange.request.headers;
  if (protocol === undefined) return `HTTP/1.1 200 OK\r\nContent-Type: ${RAW_STREAM}\r\n\r\n`;
  const common = exchange.context.headers;
  let head = `HTTP/1.1 101 UPGRADED\r\nContent-Type: ${contentType}\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\n`;
  for (let index = 0; index + 1 < common.length; index += 2)
    head += `${common[index]}: ${common[index + 1]}\r\n`;
  return `${head}\r\n`;
}

export const RAW_STREAM = 'application/vnd.docker.raw-stream';
const MULTIPLEXED_STREAM = 'application/vnd.docker.multiplexed-stream';

/** The content type of output; older versions of the API have one name for both. */
export function streamType(exchange: Exchange, isFramed: boolean): string {
  return isFramed && exchange.speaks('1.42') ? MULTIPLEXED_STREAM : RAW_STREAM;
}

/** Input as a request body with its framing (dockerode without `hijack`), output until the connection closes. */
function answerWhileReading(exchange: Exchange): RawStream {
  exchange.hijacked = true;
  const { response } = exchange;
  response.shouldKeepAlive = false;
  response.useChunkedEncodingByDefault = false;
  response.writeHead(200, ['Content-Type', RAW_STREAM]);
  response.flushHeaders();
  return { input: bodyStream(exchange), output: response, ready: untilRead(exchange.request.socket) };
}

/** The HTTP parser must not see what follows: without its listeners the socket belongs to its next reader. Those for
 * `close` stay, which only release what the server keeps of the connection. */
function detachParser(socket: Socket): void {
  for (const event of ['data', 'end', 'drain', 'timeout', 'error']) socket.removeAllListeners(event);
}

/** Closing at once could cost the client the last bytes (RST); waiting for ever would leak the socket. */
function lingerOn(connection: Duplex): void {
  if (connection.readableEnded || connection.destroyed) {
    connection.destroy();
    return;
  }
  connection.resume();
  const timer = setTimeout(() => connection.destroy(), LINGER_MS).unref();
  connection.once('end', () => connection.destroy());
  connection.once('close', () => clearTimeout(timer));
}
