/** One HTTP exchange after another with one host: connections are kept; nothing is repeated or followed here. */
import type { Agent, ClientRequest, IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { Agent as TlsAgent } from 'node:https';
import { discardBuffer } from '#base/discard-buffer.ts';
import { errnoOf } from '#base/errno.ts';
import { messageOf } from '#base/errors.ts';
import { http, https } from '#base/node-http.ts';
import type { TlsMaterial } from './host-certificates.ts';
import { isLoopbackHost } from './loopback.ts';
import { RegistryFailure } from './registry-failure.ts';

export interface HttpTimeouts {
  /** How long name, connection and TLS may take. */
  readonly connectMs: number;
  /** How long no byte may move on a connection, in either direction. */
  readonly stallMs: number;
}

export const DEFAULT_TIMEOUTS: HttpTimeouts = { connectMs: 15_000, stallMs: 60_000 };

/**
 * The part of the time for a connection that one address of a host has before it is given up for the next: Node's half
 * a second is less than slow links and busy hosts take, and a host whose other addresses lead nowhere would never be
 * reached.
 */
const ADDRESS_SHARE = 1 / 6;

export interface HttpRequest {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>>;
  /** A chunk of a body in pieces may be used again once the next is asked for. */
  readonly body?: Buffer | AsyncIterable<Buffer>;
  readonly signal?: AbortSignal | undefined;
  /** Instead of the client's: for answers that take a registry long. */
  readonly stallMs?: number;
}

export interface HttpResponse {
  readonly status: number;
  readonly statusText: string;
  readonly headers: IncomingHttpHeaders;
  /** Read it to the end, or destroy it: it holds a connection. */
  readonly body: IncomingMessage;
  readonly url: URL;
}

export interface HttpClientOptions {
  /** The host with its port, as in URLs. */
  readonly host: string;
  readonly tls: TlsMaterial;
  /** Certificates are not verified. */
  readonly isInsecure: boolean;
  readonly timeouts: HttpTimeouts;
}

/** The daemon's proxies (HTTP_PROXY, HTTPS_PROXY, NO_PROXY) are used, but for loopback, as in Go. */
export class HttpClient implements Disposable {
  readonly #timeouts: HttpTimeouts;
  readonly #http: Agent;
  readonly #newTlsAgent: () => TlsAgent;
  #https: TlsAgent | undefined;

  constructor({ host, tls, isInsecure, timeouts }: HttpClientOptions) {
    this.#timeouts = timeouts;
    const isLoopback = isLoopbackHost(new URL(`http://${host}`).hostname);
    const agent = {
      keepAlive: true,
      autoSelectFamilyAttemptTimeout: Math.ceil(timeouts.connectMs * ADDRESS_SHARE),
      ...(isLoopback ? {} : { proxyEnv: process.env }),
    };
    this.#http = new http.Agent(agent);
    this.#newTlsAgent = () => new (https().Agent)({ ...agent, ...tls, rejectUnauthorized: !isInsecure });
  }

  /**
   * Resolves with whatever status the host answers.
   *
   * @throws {RegistryFailure} `unavailable`, or the signal's reason
   */
  async send(request: HttpRequest): Promise<HttpResponse> {
    request.signal?.throwIfAborted();
    for (;;) {
      const outgoing = this.#start(request);
      try {
        return await this.#exchange(outgoing, request);
      } catch (error) {
        request.signal?.throwIfAborted();
        // The host closed a kept connection while the request was on its way.
        const isStale = outgoing.reusedSocket && errnoOf(error) === 'ECONNRESET';
        if (!isStale || isInPieces(request.body)) throw unreachable(request.url.host, error);
      }
    }
  }

  [Symbol.dispose](): void {
    this.#http.destroy();
    this.#https?.destroy();
  }

  #start({ method, url, headers, body, signal }: HttpRequest): ClientRequest {
    const length = Buffer.isBuffer(body) ? { 'Content-Length': String(body.length) } : {};
    const options = {
      method,
      headers: { 'User-Agent': USER_AGENT, ...length, ...headers },
      ...(signal ? { signal } : {}),
    };
    return url.protocol === 'https:'
      ? https().request(url, { ...options, agent: (this.#https ??= this.#newTlsAgent()) })
      : http.request(url, { ...options, agent: this.#http });
  }

  #exchange(outgoing: ClientRequest, request: HttpRequest): Promise<HttpResponse> {
    const { promise, resolve, reject } = Promise.withResolvers<HttpResponse>();
    outgoing.once('response', (body) => {
      const { statusCode: status = 0, statusMessage: statusText = '', headers } = body;
      resolve({ status, statusText, headers, body, url: request.url });
    });
    outgoing.on('error', reject);
    discardReadBytes(outgoing);
    watchConnecting(outgoing, this.#timeouts.connectMs);
    watchStalls(outgoing, request.stallMs ?? this.#timeouts.stallMs);
    sendBody(outgoing, request.body);
    return promise;
  }
}

const USER_AGENT = 'caisson';

function watchConnecting(outgoing: ClientRequest, connectMs: number): void {
  const timer = setTimeout(
    () => outgoing.destroy(timeout(`no connection within ${connectMs} ms`)),
    connectMs,
  );
  const done = () => clearTimeout(timer);
  outgoing.once('socket', (socket) => {
    if (!socket.connecting) return done();
    socket.once('encrypted' in socket ? 'secureConnect' : 'connect', done);
  });
  outgoing.once('close', done);
}

/**
 * The parser copies what it hands on: what was read from the socket can go at once, rather than pile up to the 64 MB
 * at which a collection starts. This listener comes after the parser's own.
 */
function discardReadBytes(outgoing: ClientRequest): void {
  outgoing.once('socket', (socket) => {
    socket.on('data', discardBuffer);
    outgoing.once('close', () => socket.off('data', discardBuffer));
  });
}

/** A connection that rests because its reader is behind is no stall. */
function watchStalls(outgoing: ClientRequest, stallMs: number): void {
  let body: IncomingMessage | undefined;
  outgoing.once('response', (response) => {
    body = response;
  });
  outgoing.setTimeout(stallMs, () => {
    if (body && body.readableLength > 0) {
      outgoing.setTimeout(stallMs);
      return;
    }
    const error = timeout(`nothing moved for ${stallMs} ms`);
    body?.destroy(error);
    outgoing.destroy(error);
  });
}

function timeout(message: string): Error {
  return Object.assign(new Error(message), { code: 'ETIMEDOUT' });
}

function isInPieces(body: HttpRequest['body']): body is AsyncIterable<Buffer> {
  return body !== undefined && !Buffer.isBuffer(body);
}

function sendBody(outgoing: ClientRequest, body: HttpRequest['body']): void {
  if (!isInPieces(body)) return void outgoing.end(body);
  sendPieces(outgoing, body).catch((error: Error) => outgoing.destroy(error));
}

/** One piece after the other, each when the one before is the kernel's. */
async function sendPieces(outgoing: ClientRequest, body: AsyncIterable<Buffer>): Promise<void> {
  const { promise: closed, resolve: close } = Promise.withResolvers<void>();
  outgoing.once('close', close);
  for await (const piece of body) {
    const { promise: written, resolve, reject } = Promise.withResolvers<void>();
    outgoing.write(piece, (error) => (error ? reject(error) : resolve()));
    await Promise.race([written, closed]);
    if (outgoing.destroyed) return;
  }
  outgoing.end();
}

/** Errors of an address where nothing listens. Another attempt is worth it only if something answered before. */
const NOTHING_THERE: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EHOSTUNREACH',
  'ENETUNREACH',
]);

const CUT: ReadonlySet<string> = new Set(['ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'EAI_AGAIN', 'ECONNABORTED']);

/** True if the failure is that nothing answers at the address. */
export function isNobodyThere(error: unknown): boolean {
  return error instanceof RegistryFailure && NOTHING_THERE.has(errnoOf(error.cause));
}

/** True if there is TLS, and its certificate is not one to believe. */
export function isCertificateRefused(error: unknown): boolean {
  return error instanceof RegistryFailure && CERTIFICATE_CODES.test(errnoOf(error.cause));
}

/** OpenSSL's names of what is wrong with a certificate, and Node's of one for another host. */
const CERTIFICATE_CODES = /CERT|CRL|HOSTNAME_MISMATCH|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH/;

/** Turns an error of a connection into a failure with the engine's codes. */
export function unreachable(host: string, cause: unknown): Error {
  if (cause instanceof RegistryFailure) return cause;
  const errno = errnoOf(cause);
  const isTransient = CUT.has(errno) || NOTHING_THERE.has(errno);
  return new RegistryFailure('registry-unreachable', {
    subject: host,
    details: { problem: reasonOf(cause) },
    cause,
    isTransient,
  });
}

/** `localhost` fails once for each of its addresses, with a text for none of them. */
function reasonOf(cause: unknown): string {
  if (cause instanceof AggregateError && cause.message === '') return cause.errors.map(messageOf).join('; ');
  return messageOf(cause);
}
