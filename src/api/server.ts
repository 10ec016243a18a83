/**
 * The Docker Engine API over HTTP: listens, finds the endpoint, and turns what the engine throws into answers.
 *
 * Life cycle: created → listening on any number of targets → closed. Closing lets requests finish for a moment, then
 * cuts every connection; the engine and its containers are not touched.
 */
import type { Server, ServerOptions } from 'node:http';
import type { ServerOptions as TlsServerOptions } from 'node:https';
import type { Socket } from 'node:net';
import { silentLogger, type Logger } from '#base/log.ts';
import { http, https } from '#base/node-http.ts';
import type { EngineApi, EngineVersion } from '#engine/engine.ts';
import { API_VERSION } from '#wire/versions.ts';
import { Dispatcher } from './dispatcher.ts';
import type { ServerContext } from './exchange.ts';
import { type ListenTarget, listenOn, type TlsOptions } from './listen.ts';

export interface ApiServerOptions {
  readonly logger?: Logger;
  /** Options of networks whose client does not say them, by driver. */
  readonly networkOptions?: ServerContext['networkOptions'];
  /** Called when for some seconds no client has come or gone: time to tidy up. */
  readonly onQuiet?: () => void;
}

export interface ApiServer extends AsyncDisposable {
  /**
   * @returns the address, as clients write it: `unix:///run/x.sock`, `tcp://127.0.0.1:2375`
   * @throws {EngineError} `conflict` if another server listens there; `invalid`, `forbidden`
   */
  listen(target: ListenTarget): Promise<string>;
  /** Idempotent. */
  close(): Promise<void>;
}

const CLOSE_GRACE_MS = 500;
const QUIET_MS = 5000;
/** Docker's time before a connection is probed; then the kernel asks ten times, once a second. */
const PROBE_DELAY_MS = 15_000;

function commonHeaders({ version, isExperimental }: EngineVersion): readonly string[] {
  const server = `Caisson/${version} (linux)`;
  return [
    ['Api-Version', API_VERSION],
    ['Docker-Experimental', String(isExperimental)],
    ['Ostype', 'linux'],
    ['Server', server],
  ].flat();
}

export function createApiServer(engine: EngineApi, options: ApiServerOptions = {}): ApiServer {
  return new HttpApiServer(engine, options);
}

class HttpApiServer implements ApiServer {
  readonly #closing = new AbortController();
  readonly #dispatcher: Dispatcher;
  readonly #logger: Logger;
  readonly #servers: Server[] = [];
  readonly #sockets = new Set<Socket>();
  readonly #quiet: NodeJS.Timeout;

  constructor(engine: EngineApi, options: ApiServerOptions) {
    this.#logger = options.logger ?? silentLogger;
    this.#quiet = setTimeout(() => options.onQuiet?.(), QUIET_MS).unref();
    const context: ServerContext = {
      engine,
      logger: this.#logger,
      closing: this.#closing.signal,
      headers: commonHeaders(engine.version()),
      networkOptions: options.networkOptions ?? {},
      buildkit: once(async () => {
        const { BuildkitServer } = await import('./buildkit/buildkit-server.ts');
        return new BuildkitServer(engine, this.#logger);
      }),
    };
    this.#dispatcher = new Dispatcher(context);
  }

  async listen(target: ListenTarget): Promise<string> {
    const server = this.#createServer(target);
    const address = await listenOn(server, target);
    this.#servers.push(server);
    this.#logger.info('API listens', { address });
    return address;
  }

  async close(): Promise<void> {
    const closed = this.#servers.splice(0).map(closeServer);
    this.#closing.abort();
    clearTimeout(this.#quiet);
    const timer = setTimeout(() => this.#cutAll(), CLOSE_GRACE_MS);
    await Promise.all(closed);
    clearTimeout(timer);
    this.#cutAll();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #createServer(target: ListenTarget): Server {
    const tls = target.kind === 'tcp' ? target.tls : undefined;
    const options: ServerOptions = {
      // Uploads may take hours; a header must not.
      requestTimeout: 0,
      headersTimeout: 60_000,
      // Docker closes no idle connection either: closing one races with the client's next request.
      keepAliveTimeout: 0,
      // The kernel asks a silent client whether its machine is still there: its builds and streams end with it.
      keepAlive: true,
      keepAliveInitialDelay: PROBE_DELAY_MS,
      // `/build` carries its arguments in the query.
      maxHeaderSize: 1 << 20,
      // BuildKit's connections come with an empty one.
      requireHostHeader: false,
      shouldUpgradeCallback: (request) => this.#dispatcher.hijacks(request),
    };
    const server = tls
      ? https().createServer({ ...options, ...tlsOptions(tls) })
      : http.createServer(options);
    server.on('request', (request, response) => {
      response.once('close', () => this.#closeIfIdle(server));
      this.#dispatcher.request(request, response);
    });
    server.on('upgrade', (request, connection, head) => this.#dispatcher.upgrade(request, connection, head));
    server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => refuseGarbage(error, socket));
    server.on(tls ? 'secureConnection' : 'connection', (socket: Socket) => {
      this.#sockets.add(socket);
      this.#quiet.refresh();
      socket.once('close', () => {
        this.#sockets.delete(socket);
        if (!this.#closing.signal.aborted) this.#quiet.refresh();
      });
    });
    return server;
  }

  /** A connection whose last request has ended while the server closes. */
  #closeIfIdle(server: Server): void {
    if (this.#closing.signal.aborted) setImmediate(() => server.closeIdleConnections());
  }

  #cutAll(): void {
    for (const socket of this.#sockets) socket.destroy();
  }
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}

/** An authority to check against is of no use unless clients must show a certificate. */
function tlsOptions(tls: TlsOptions): TlsServerOptions {
  const verifies = tls.ca !== undefined;
  return { ...tls, minVersion: 'TLSv1.2', requestCert: verifies, rejectUnauthorized: verifies };
}

/** What is not HTTP gets 400 as from Go, unless the client is gone or has an answer already. */
function refuseGarbage(error: NodeJS.ErrnoException, socket: Socket): void {
  // Go's clients keep spare connections, and print what comes on one that they have not used.
  const isUnused = error.code === 'ERR_HTTP_REQUEST_TIMEOUT' && socket.bytesRead === 0;
  if (isUnused || error.code === 'ECONNRESET' || !socket.writable || socket.bytesWritten > 0) {
    socket.destroy();
    return;
  }
  const status =
    error.code === 'HPE_HEADER_OVERFLOW' ? '431 Request Header Fields Too Large' : '400 Bad Request';
  socket.end(
    `HTTP/1.1 ${status}\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n${status}`,
  );
  socket.once('finish', () => socket.destroy());
}

async function closeServer(server: Server): Promise<void> {
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
    server.closeIdleConnections();
  });
}
