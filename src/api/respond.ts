/** The forms of an answer. Each carries the common headers; the body, if any, ends with a line feed as Docker's do. */
import { pipeline } from 'node:stream/promises';
import type { Readable } from 'node:stream';
import { type AnswerBodies, answerFor } from '#wire/answers.ts';
import type { Exchange } from './exchange.ts';

const JSON_TYPE = ['Content-Type', 'application/json'];

export function sendJson(
  exchange: Exchange,
  status: number,
  body: unknown,
  headers: readonly string[] = [],
): void {
  const text = `${JSON.stringify(body)}\n`;
  const length = ['Content-Length', String(Buffer.byteLength(text))];
  const { response, context } = exchange;
  response.writeHead(status, [...context.headers, ...headers, ...JSON_TYPE, ...length]);
  response.end(text);
}

/** 200 with a body of which a client is told what its version of the API has. */
export function sendAnswer<Kind extends keyof AnswerBodies>(
  exchange: Exchange,
  kind: Kind,
  body: AnswerBodies[Kind],
): void {
  sendJson(exchange, 200, answerFor(kind, body, exchange.version));
}

export function sendError(exchange: Exchange, status: number, message: string): void {
  if (status === 304) return sendNothing(exchange, 304);
  sendJson(exchange, status, { message });
}

/** 204 and 304, which have no body. */
export function sendNothing(exchange: Exchange, status: 204 | 304 = 204): void {
  exchange.response.writeHead(status, [...exchange.context.headers]);
  exchange.response.end();
}

/** 200 or 201 with an empty body. */
export function sendEmpty(
  exchange: Exchange,
  status: 200 | 201 = 200,
  headers: readonly string[] = [],
): void {
  exchange.response.writeHead(status, [...exchange.context.headers, ...headers, 'Content-Length', '0']);
  exchange.response.end();
}

/** Sends 200 and the headers at once; the body follows in chunks. */
export function startStream(exchange: Exchange, contentType: string, headers: readonly string[] = []): void {
  const { response, context } = exchange;
  response.writeHead(200, [...context.headers, ...headers, 'Content-Type', contentType]);
  response.flushHeaders();
}

/**
 * Streams `body` as the answer and destroys it when the client goes away.
 *
 * A body that fails half way closes the connection without the last chunk, so that the client knows.
 */
export async function sendBody(
  exchange: Exchange,
  body: Readable,
  contentType: string,
  headers: readonly string[] = [],
): Promise<void> {
  const { response, context } = exchange;
  response.writeHead(200, [...context.headers, ...headers, 'Content-Type', contentType]);
  await pipeline(body, response);
}

/**
 * Ends a stream that goes on until something happens. Where only the server's end has ended it, the connection
 * breaks after what was sent, without the last chunk: half an answer must not look whole.
 */
export function endStream(exchange: Exchange): void {
  const { response, request, context } = exchange;
  if (!context.closing.aborted) response.end();
  else request.socket.destroySoon();
}

/** Resolves when more may be written; at once if the client is gone. */
export async function drained(exchange: Exchange): Promise<void> {
  const { response } = exchange;
  if (!response.writableNeedDrain || response.destroyed) return;
  await new Promise<void>((resolve) => {
    const done = () => {
      response.off('drain', done);
      response.off('close', done);
      resolve();
    };
    response.on('drain', done);
    response.on('close', done);
  });
}
