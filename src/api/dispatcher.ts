import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { EngineError, isEngineError } from '#base/errors.ts';
import { http } from '#base/node-http.ts';
import { unsupportedVersion } from '#wire/versions.ts';
import { assignConnection, detachConnection } from './connection.ts';
import { Exchange, type ServerContext } from './exchange.ts';
import { sendEmpty, sendError } from './respond.ts';
import { endpointOf, type Route } from './route.ts';
import { createRouter } from './routes.ts';
import { dockerError } from './errors/docker-error.ts';
import { cleanUrl, parseTarget } from './target.ts';
import { limitUnreadBody } from './unread-body.ts';

const STOPPING = 'the engine is stopping: try again when it has been started anew';

/** Brings requests to their endpoints and errors to their clients. */
export class Dispatcher {
  readonly #context: ServerContext;
  readonly #router = createRouter();

  constructor(context: ServerContext) {
    this.#context = context;
  }

  /** True if the request asks for an endpoint that takes the connection over. */
  hijacks(request: IncomingMessage): boolean {
    const { path } = parseTarget(request.url ?? '/');
    return this.#router.match(request.method ?? 'GET', path)?.target.hijacks ?? false;
  }

  request(request: IncomingMessage, response: ServerResponse): void {
    // The exchange's signal fires when a client goes away.
    request.on('error', ignore);
    response.on('error', ignore);
    limitUnreadBody(request, response);
    void this.#serve(request, response, undefined);
  }

  upgrade(request: IncomingMessage, connection: Duplex, head: Buffer): void {
    request.on('error', ignore);
    connection.on('error', ignore);
    if (head.length > 0) connection.unshift(head);
    const response = new http.ServerResponse(request);
    response.shouldKeepAlive = false;
    response.on('error', ignore);
    assignConnection(response, connection);
    response.once('finish', () => {
      detachConnection(response, connection);
      connection.end();
      connection.resume();
    });
    void this.#serve(request, response, connection);
  }

  async #serve(
    request: IncomingMessage,
    response: ServerResponse,
    upgrade: Duplex | undefined,
  ): Promise<void> {
    const target = parseTarget(request.url ?? '/');
    const place = cleanUrl(request.url ?? '/');
    if (place !== undefined) {
      response.writeHead(301, [...this.#context.headers, 'Location', place, 'Content-Length', '0']);
      response.end();
      return;
    }
    const match = this.#router.match(request.method ?? 'GET', target.path);
    const exchange = new Exchange(
      this.#context,
      { request, response, upgrade },
      { target, params: match?.params ?? {}, endpoint: match ? endpointOf(match.target) : '' },
    );
    try {
      const handled = this.#handle(exchange, match?.target, target.version);
      if (handled) await handled;
    } catch (error) {
      this.#answerError(exchange, error);
    }
  }

  #handle(exchange: Exchange, route: Route | undefined, version: string | undefined): Promise<void> | void {
    if (route === undefined) {
      if (exchange.request.method === 'OPTIONS') return sendEmpty(exchange);
      return sendError(exchange, 404, 'page not found');
    }
    if (this.#context.closing.aborted) throw new EngineError('unavailable', STOPPING);
    const refusal = version === undefined ? undefined : unsupportedVersion(version);
    if (refusal !== undefined) throw new EngineError('invalid', refusal);
    return route.handle(exchange);
  }

  #answerError(exchange: Exchange, error: unknown): void {
    const { request, response, context } = exchange;
    const { status, message } = dockerError(error);
    const fields = { method: request.method, url: request.url, error };
    if (exchange.hijacked || response.headersSent) {
      context.logger.debug('answer broken off', fields);
      request.socket.destroy();
      return;
    }
    if (response.destroyed || request.socket.destroyed) return;
    // What has a code is known to happen, whatever status Docker's clients expect.
    const isKnown = isEngineError(error) && error.code !== 'internal';
    if (status >= 500 && !isKnown) {
      const stack = error instanceof Error ? error.stack : undefined;
      context.logger.error('request failed', { ...fields, stack });
    }
    sendError(exchange, status, message);
  }
}

function ignore(): void {}
