import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Logger } from '#base/log.ts';
import type { EngineApi } from '#engine/engine.ts';
import { parseBoolean } from '#base/booleans.ts';
import { textOfBytes } from '#base/byte-text.ts';
import type { Filters } from '#base/filters.ts';
import { parseFilters } from '#wire/filters.ts';
import { knownParameters } from '#wire/parameters.ts';
import { API_VERSION, apiVersion, type ApiVersion } from '#wire/versions.ts';
import type { BuildkitServer } from './buildkit/buildkit-server.ts';
import { queryBytes, type RequestTarget } from './target.ts';

/** What every exchange of a server shares. */
export interface ServerContext {
  readonly engine: EngineApi;
  readonly logger: Logger;
  /** Fires when the server closes: ends what would go on for ever. */
  readonly closing: AbortSignal;
  /** The common headers of every answer: name, value, name, … */
  readonly headers: readonly string[];
  /** Options of networks whose client does not say them, by driver. */
  readonly networkOptions: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** BuildKit's services, loaded when they are first asked for. */
  readonly buildkit: () => Promise<BuildkitServer>;
}

/** What carries a request and its answer. */
interface Connection {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** There if the client asked for an upgrade, see {@link Exchange.upgrade}. */
  readonly upgrade: Duplex | undefined;
}

/** Which endpoint a request is for. */
interface AskedRoute {
  readonly target: RequestTarget;
  readonly params: Readonly<Record<string, string>>;
  /** The method and pattern of the route: `GET /images/json`; empty if there is none. */
  readonly endpoint: string;
}

/** One request and its answer. */
export class Exchange {
  readonly context: ServerContext;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly params: Readonly<Record<string, string>>;
  /**
   * The connection that the client asked to upgrade, where this is a route that does: the socket, or a stream in
   * front of it that holds back what follows until the request's body has come.
   */
  readonly upgrade: Duplex | undefined;
  /** Set once the connection carries something else than HTTP. */
  hijacked = false;
  readonly #target: RequestTarget;
  readonly #endpoint: string;
  #query: URLSearchParams | undefined;
  #signal: AbortSignal | undefined;

  constructor(context: ServerContext, { request, response, upgrade }: Connection, asked: AskedRoute) {
    this.context = context;
    this.request = request;
    this.response = response;
    this.params = asked.params;
    this.upgrade = upgrade;
    this.#target = asked.target;
    this.#endpoint = asked.endpoint;
  }

  get engine(): EngineApi {
    return this.context.engine;
  }

  /** The parameters that the endpoint has in the client's version of the API. */
  get query(): URLSearchParams {
    this.#query ??= knownParameters(this.#target.query, this.#endpoint, this.version);
    return this.#query;
  }

  /** A parameter of the path; empty if the route has none of that name. */
  param(name: string): string {
    return this.params[name] ?? '';
  }

  /** A query parameter; empty if it is not given. */
  text(name: string): string {
    return this.query.get(name) ?? '';
  }

  /** The same of a path, whose bytes need be no UTF-8 (`base/byte-text.ts`). */
  pathText(name: string): string {
    const text = this.text(name);
    return text.includes('\uFFFD')
      ? textOfBytes(queryBytes(this.#target.query, name) ?? Buffer.alloc(0))
      : text;
  }

  flag(name: string): boolean {
    return parseBoolean(this.query.get(name));
  }

  /** @throws {EngineError} `invalid` */
  filters(): Filters {
    return parseFilters(this.query.get('filters'));
  }

  /** The version of the API that the client speaks. */
  get version(): ApiVersion {
    return apiVersion(this.#target.version ?? API_VERSION);
  }

  /** True if the client speaks at least this version of the API. */
  speaks(version: string): boolean {
    return this.version >= apiVersion(version);
  }

  /** Fires when the client is gone, or the server closes, before the answer is complete. */
  get signal(): AbortSignal {
    this.#signal ??= this.#watch();
    return this.#signal;
  }

  #watch(): AbortSignal {
    const controller = new AbortController();
    const { closing } = this.context;
    const { socket } = this.request;
    const abort = () => {
      // Socket and server outlive the exchange.
      socket.off('close', abort);
      closing.removeEventListener('abort', abort);
      controller.abort();
    };
    socket.on('close', abort);
    closing.addEventListener('abort', abort);
    this.response.once('close', abort);
    if (socket.destroyed || closing.aborted) abort();
    return controller.signal;
  }
}
