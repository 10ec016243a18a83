/** Requests to one registry host: authenticated, redirected, repeated. */
import type { Authorizer } from './authorizer.ts';
import { parseChallenges } from './challenge.ts';
import type { Hosts } from './hosts.ts';
import { type HttpRequest, type HttpResponse, isNobodyThere } from './http-client.ts';
import { failureOf, RegistryFailure } from './registry-failure.ts';
import { type RetryPolicy, withRetry } from './retry.ts';

const MAXIMUM_REDIRECTS = 10;
/** The first may lack a token, and the second have one that has just expired. */
const MAXIMUM_CHALLENGES = 2;

export interface EndpointRequest {
  readonly method: HttpRequest['method'];
  /** A path of the registry, or where the registry sent us. */
  readonly target: string | URL;
  /** What is done, as in "Cannot <action>". */
  readonly action: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Made anew for each attempt. */
  readonly body?: () => Buffer | AsyncIterable<Buffer>;
  readonly scopes: readonly string[];
  readonly stallMs?: number;
  /** Not repeated by itself: the caller knows better how to continue. */
  readonly isSingle?: boolean;
  /** These statuses are answers, too; 2xx always are. */
  readonly accept?: readonly number[];
  /** The registry's codes that may be gone with the next attempt. */
  readonly passing?: readonly string[];
}

export interface EndpointOptions {
  /** The host with its port. */
  readonly host: string;
  /** Prefix of all paths, without a slash at its end; for mirrors below a path. */
  readonly prefix: string;
  /** Given where the configuration says it; otherwise as the host speaks. */
  readonly scheme?: 'http:' | 'https:';
  readonly hosts: Hosts;
  readonly authorizer: Authorizer;
  readonly retry: RetryPolicy;
  readonly signal?: AbortSignal;
}

export class EndpointClient {
  readonly #options: EndpointOptions;
  #wasReached = false;

  constructor(options: EndpointOptions) {
    this.#options = options;
  }

  get host(): string {
    return this.#options.host;
  }

  get retry(): RetryPolicy {
    return this.#options.retry;
  }

  get signal(): AbortSignal | undefined {
    return this.#options.signal;
  }

  /**
   * Resolves with an answer that is a success, or one of `accept`.
   *
   * @throws {RegistryFailure}
   */
  async request(request: EndpointRequest): Promise<HttpResponse> {
    const attempt = () => this.#attempt(request);
    if (request.isSingle) return await attempt();
    return await withRetry(this.#options.retry, this.#options.signal, attempt);
  }

  /** The absolute URL of a path of this registry. */
  async urlOf(path: string): Promise<URL> {
    const { host, prefix, hosts, signal } = this.#options;
    const scheme = this.#options.scheme ?? (await hosts.schemeOf(host, signal));
    return new URL(`${scheme}//${host}${prefix}${path}`);
  }

  async #attempt(request: EndpointRequest, isSecond = false): Promise<HttpResponse> {
    const url = typeof request.target === 'string' ? await this.urlOf(request.target) : request.target;
    try {
      const response = await this.#authorized(request, url);
      this.#wasReached = true;
      const { status } = response;
      if ((status >= 200 && status < 300) || request.accept?.includes(status)) return response;
      throw await failureOf(response, request.action, request.passing);
    } catch (error) {
      if (!isSecond && (await this.#speaksOtherwise(request, url, error)))
        return await this.#attempt(request, true);
      throw this.#judged(error);
    }
  }

  /** True if the host was asked over http and has TLS by now, or the other way round. */
  async #speaksOtherwise({ target }: EndpointRequest, { protocol }: URL, error: unknown): Promise<boolean> {
    const { scheme, hosts, signal } = this.#options;
    const isUnderstood =
      error instanceof RegistryFailure && error.status !== undefined && error.status !== 400;
    if (scheme || typeof target !== 'string' || isUnderstood || isNobodyThere(error)) return false;
    hosts.forgetScheme(this.host);
    return (await hosts.schemeOf(this.host, signal)) !== protocol;
  }

  /** An address that has never answered will not: the failure lasts. */
  #judged(error: unknown): unknown {
    if (!isNobodyThere(error)) return error;
    this.#options.hosts.forgetScheme(this.host);
    if (this.#wasReached || !(error instanceof RegistryFailure)) return error;
    return error.asLasting();
  }

  async #authorized(request: EndpointRequest, url: URL): Promise<HttpResponse> {
    const { authorizer, signal } = this.#options;
    let authorization = await authorizer.remembered(request.scopes, signal);
    for (let challenged = 0; ; challenged++) {
      const response = await this.#followed(request, url, authorization);
      const challenges = parseChallenges(response.headers['www-authenticate']);
      const isOurs = response.url.host === this.host;
      if (response.status !== 401 || !isOurs || challenges.length === 0 || challenged === MAXIMUM_CHALLENGES)
        return response;
      // The rest of a refused upload is not worth a connection.
      if (request.body) response.body.destroy();
      else response.body.resume();
      authorizer.accept(challenges, request.scopes, authorization);
      authorization = await authorizer.header(request.scopes, signal);
    }
  }

  async #followed(
    request: EndpointRequest,
    start: URL,
    authorization: string | undefined,
  ): Promise<HttpResponse> {
    let url = start;
    for (let redirects = 0; redirects <= MAXIMUM_REDIRECTS; redirects++) {
      const response = await this.#send(request, url, authorization);
      const location = redirectOf(response, request);
      if (location === undefined) return response;
      response.body.resume();
      url = this.#targetOf(location, url);
    }
    throw new RegistryFailure('too-many-redirects', {
      subject: this.host,
      details: { action: request.action, maximum: MAXIMUM_REDIRECTS },
    });
  }

  async #send(request: EndpointRequest, url: URL, authorization: string | undefined): Promise<HttpResponse> {
    const { hosts, signal } = this.#options;
    const { method, headers, stallMs } = request;
    // Credentials stay with the registry: blob storage has its own in the URL.
    const authorized = authorization !== undefined && url.host === this.host;
    return await hosts.clientFor(url.host).send({
      method,
      url,
      headers: { ...headers, ...(authorized ? { Authorization: authorization } : {}) },
      ...(request.body ? { body: request.body() } : {}),
      ...(stallMs === undefined ? {} : { stallMs }),
      signal,
    });
  }

  /** @throws {RegistryFailure} `invalid` where it is no URL, or leads out of TLS */
  #targetOf(location: string, from: URL): URL {
    const url = URL.parse(location, from);
    const isWeaker =
      from.protocol === 'https:' && url?.protocol === 'http:' && !this.#options.hosts.isInsecure(url.host);
    if (url && /^https?:$/.test(url.protocol) && !isWeaker) return url;
    throw new RegistryFailure('redirect-refused', {
      subject: this.host,
      details: { location: location.slice(0, 200) },
    });
  }
}

/** 301 and 302 may turn a method into GET, 307 and 308 keep it: a body goes only where it is meant to. */
function redirectOf({ status, headers }: HttpResponse, { method }: EndpointRequest): string | undefined {
  const isSafe = method === 'GET' || method === 'HEAD';
  const isRedirect = isSafe ? [301, 302, 303, 307, 308].includes(status) : [307, 308].includes(status);
  return isRedirect ? headers.location : undefined;
}
