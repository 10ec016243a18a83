import type { Server, ServerOptions } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { EngineError } from '#base/errors.ts';
import { http, https } from '#base/node-http.ts';
import { isErrno } from '#linux/errno.ts';
import { Exchange } from './exchange.ts';
import type { ListenAddress } from './registry-server.ts';

const BACKLOG = 1024;
const HEADERS_TIMEOUT_MS = 30_000;
/** Longer than clients keep an idle connection, so that they close it. */
const KEEP_ALIVE_MS = 120_000;
const CLOSE_GRACE_MS = 2000;

/** PEM. */
export interface ServerCredentials {
  readonly certificate: string;
  readonly key: string;
}

export interface HttpServerOptions {
  readonly credentials?: ServerCredentials;
  /** A connection on which nothing moves for so long is cut. */
  readonly idleMs: number;
}

export interface ListeningAddress {
  readonly address: string;
  readonly port: number;
}

/** HTTP or HTTPS; each request becomes an {@link Exchange}. Disposing lets requests finish for a moment. */
export class HttpServer implements AsyncDisposable {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  constructor(answer: (exchange: Exchange) => Promise<void>, { credentials, idleMs }: HttpServerOptions) {
    const options: ServerOptions = {
      // Uploads may take hours; headers must not.
      requestTimeout: 0,
      headersTimeout: HEADERS_TIMEOUT_MS,
      keepAliveTimeout: KEEP_ALIVE_MS,
      noDelay: true,
    };
    this.#server = credentials
      ? https().createServer({
          ...options,
          cert: credentials.certificate,
          key: credentials.key,
          minVersion: 'TLSv1.2',
        })
      : http.createServer(options);
    this.#server.timeout = idleMs;
    this.#server.on('request', (request, response) => void answer(new Exchange(request, response)));
    this.#server.on(
      'checkContinue',
      (request, response) => void answer(new Exchange(request, response, true)),
    );
    this.#server.on(credentials ? 'secureConnection' : 'connection', (socket: Socket) => this.#track(socket));
  }

  /** @throws {EngineError} `conflict` if something listens there, `forbidden`, `invalid` */
  async listen({ host, port }: ListenAddress): Promise<ListeningAddress> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#server.once('error', reject);
    this.#server.listen({ port, backlog: BACKLOG, ...(host === undefined ? {} : { host }) }, resolve);
    try {
      await promise;
    } catch (cause) {
      throw listenError(`${host ?? ''}:${port}`, cause);
    } finally {
      this.#server.off('error', reject);
    }
    return addressOf(this.#server.address(), host);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#server.listening) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server.close(() => resolve());
    this.#server.closeIdleConnections();
    const timer = setTimeout(() => this.#cutAll(), CLOSE_GRACE_MS);
    await promise;
    clearTimeout(timer);
  }

  #track(socket: Socket): void {
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
  }

  #cutAll(): void {
    for (const socket of this.#sockets) socket.destroy();
  }
}

function addressOf(bound: AddressInfo | string | null, host = 'localhost'): ListeningAddress {
  const port = typeof bound === 'object' && bound !== null ? bound.port : 0;
  return { address: `${host.includes(':') ? `[${host}]` : host}:${port}`, port };
}

function listenError(place: string, cause: unknown): EngineError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  const code = isErrno(cause, 'EADDRINUSE')
    ? 'conflict'
    : isErrno(cause, 'EACCES', 'EPERM')
      ? 'forbidden'
      : 'invalid';
  return new EngineError(code, `Cannot listen on ${place}: ${reason}`, { cause });
}
