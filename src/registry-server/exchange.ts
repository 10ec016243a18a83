import type { IncomingMessage, ServerResponse } from 'node:http';
import { RegistryError } from './registry-error.ts';

/** A client whose request was refused may go on sending for so long. */
const DRAIN_MS = 10_000;
const JSON_TYPE = 'application/json; charset=utf-8';

export type Headers = Readonly<Record<string, string | number>>;

/** One request and its answer. */
export class Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly #gone = new AbortController();
  readonly #expectsContinue: boolean;
  #hasContinued = false;

  /** @param expectsContinue the client sends its body only once it is asked to (RFC 9110, 10.1.1) */
  constructor(request: IncomingMessage, response: ServerResponse, expectsContinue = false) {
    this.request = request;
    this.response = response;
    this.#expectsContinue = expectsContinue;
    this.method = request.method ?? 'GET';
    const [path = '', ...query] = (request.url ?? '/').split('?');
    this.path = path;
    this.query = new URLSearchParams(query.join('?'));
    response.once('close', () => this.#gone.abort());
  }

  /** Fires when the client is gone, or has its answer. */
  get signal(): AbortSignal {
    return this.#gone.signal;
  }

  header(name: string): string {
    const value = this.request.headers[name];
    return typeof value === 'string' ? value : '';
  }

  /** Bytes that the body is announced to have; undefined where it is not. */
  get bodyLength(): number | undefined {
    const length = this.header('content-length');
    if (length !== '') return Number(length);
    return this.header('transfer-encoding') === '' ? 0 : undefined;
  }

  /** The body as it comes. Leaving the loop early keeps the connection, so that an answer can be given. */
  body(): AsyncIterable<Buffer> {
    if (this.#expectsContinue && !this.#hasContinued) this.response.writeContinue();
    this.#hasContinued = true;
    return this.request.iterator({ destroyOnReturn: false });
  }

  /** The whole body. @throws {RegistryError} MANIFEST_TOO_LARGE beyond `maximumBytes` */
  async readBody(maximumBytes: number): Promise<Buffer> {
    const chunks: Buffer[] = [];
    let length = this.bodyLength ?? 0;
    if (length > maximumBytes) throw new RegistryError('MANIFEST_TOO_LARGE', { maximumBytes });
    length = 0;
    for await (const chunk of this.body()) {
      length += chunk.length;
      if (length > maximumBytes) throw new RegistryError('MANIFEST_TOO_LARGE', { maximumBytes });
      chunks.push(chunk);
    }
    return Buffer.concat(chunks);
  }

  /** Answers; to HEAD with the headers only. */
  send(status: number, headers: Headers = {}, body?: Buffer | string): void {
    const length = body === undefined ? 0 : Buffer.byteLength(body);
    const hasLength = status !== 204 && status !== 304;
    this.writeHead(status, hasLength ? { 'Content-Length': length, ...headers } : headers);
    this.response.end(this.method === 'HEAD' ? undefined : body);
  }

  sendJson(status: number, value: unknown, headers: Headers = {}): void {
    this.send(status, { 'Content-Type': JSON_TYPE, ...headers }, JSON.stringify(value));
  }

  /** Where part of an answer is out already, the connection is cut, so that the client knows. */
  sendError(error: RegistryError): void {
    if (this.response.headersSent) this.response.destroy();
    else if (!this.response.destroyed) this.sendJson(error.status, error, error.headers);
  }

  writeHead(status: number, headers: Headers): void {
    const isUnread = !this.request.complete && this.bodyLength !== 0;
    // A client that was not asked for its body sends none, or all of it: the beginning of the next request cannot be told.
    const closes = isUnread && this.#expectsContinue && !this.#hasContinued;
    this.response.writeHead(status, { ...headers, ...(closes ? { Connection: 'close' } : undefined) });
    if (isUnread && !closes) this.#drain();
  }

  /** Throws away what comes still; closing at once could destroy the answer with it. */
  #drain(): void {
    const { socket } = this.request;
    // The body's iterator releases the stream only after this turn.
    setImmediate(() => this.request.resume());
    const timer = setTimeout(() => socket.destroy(), DRAIN_MS).unref();
    this.request.once('close', () => clearTimeout(timer));
  }
}
