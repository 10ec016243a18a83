/**
 * How one set of credentials is shown to one registry: learnt from its challenges, then kept. Tokens are fetched once
 * for all requests that need them at the same time, and renewed before they expire.
 */
import { SharedWork } from '#base/shared-work.ts';
import { JsonShape } from '#oci/json-shape.ts';
import type { RegistryCredentials } from './credentials.ts';
import type { Challenge } from './challenge.ts';
import type { Credentials, FetchedToken } from './token-source.ts';
import type { HttpRequest, HttpResponse } from './http-client.ts';
import { readBody } from './read-body.ts';
import { failureOf, RegistryFailure } from './registry-failure.ts';

const MAXIMUM_TOKEN_BYTES = 1024 * 1024;
/** The token specification's default, and the least that it allows. */
const DEFAULT_LIFETIME_SECONDS = 60;
/** The part of a token's life in which it is used. */
const USED_LIFE = 0.9;
const CLIENT_ID = 'caisson';

export interface AuthorizerOptions {
  /** The registry's host. */
  readonly host: string;
  readonly credentials: Credentials;
  /** Sends a request as it is, to any host. */
  readonly send: (request: HttpRequest) => Promise<HttpResponse>;
  /** Whether a token server may be asked without TLS. */
  readonly allowsPlain: boolean;
}

export interface Token {
  readonly value: string;
  readonly expiresAtMs: number;
  readonly refreshToken: string;
}

export class Authorizer {
  readonly #options: AuthorizerOptions;
  readonly #tokens = new Map<string, Token>();
  readonly #fetches = new SharedWork<string, Token>();
  #challenge: Challenge | undefined;

  constructor(options: AuthorizerOptions) {
    this.#options = options;
  }

  /** True once the registry has asked for tokens. */
  get usesTokens(): boolean {
    return this.#challenge?.scheme === 'bearer';
  }

  /**
   * The header `Authorization` for a request that needs `scopes`, by what the registry asked for the last time;
   * undefined where it is to be asked: it may have another token server by now, or want no credentials any more.
   */
  async remembered(scopes: readonly string[], signal?: AbortSignal): Promise<string | undefined> {
    const challenge = this.#challenge;
    try {
      return await this.header(scopes, signal);
    } catch {
      signal?.throwIfAborted();
      if (this.#challenge === challenge) this.#challenge = undefined;
      return undefined;
    }
  }

  /** The same right after a challenge. @throws {RegistryFailure} what the token server says */
  async header(scopes: readonly string[], signal?: AbortSignal): Promise<string | undefined> {
    const { registryToken } = this.#options.credentials;
    if (registryToken) return `Bearer ${registryToken}`;
    if (!this.#challenge) return undefined;
    if (this.#challenge.scheme === 'basic') return basic(this.#options.credentials);
    return `Bearer ${(await this.token(scopes, signal)).value}`;
  }

  /**
   * Takes in the challenge of an answer 401.
   *
   * @param rejected the header that was sent, which is not good enough
   * @throws {RegistryFailure} `unauthorized` if there is nothing else to try
   */
  accept(challenges: readonly Challenge[], scopes: readonly string[], rejected: string | undefined): void {
    const bearer = challenges.find(({ scheme }) => scheme === 'bearer');
    const challenge = bearer ?? challenges.find(({ scheme }) => scheme === 'basic');
    if (!challenge) throw this.#failure('registry-refuses-credentials');
    if (challenge.scheme === 'basic') this.#acceptBasic(rejected);
    else this.#dropToken(scopes, rejected);
    this.#challenge = challenge;
  }

  /** @throws {RegistryFailure} `unauthorized` */
  async token(scopes: readonly string[], signal?: AbortSignal): Promise<Token> {
    const key = scopes.toSorted().join(' ');
    const known = this.#tokens.get(key);
    if (known && known.expiresAtMs > Date.now()) return known;
    const token = await this.#fetches.do(key, () => this.#fetch(scopes));
    signal?.throwIfAborted();
    this.#tokens.set(key, token);
    return token;
  }

  #acceptBasic(rejected: string | undefined): void {
    if (basic(this.#options.credentials) === undefined) throw this.#failure('registry-wants-credentials');
    if (rejected?.startsWith('Basic ')) throw this.#failure('registry-refuses-credentials');
  }

  /** Only the token that was refused: another request may have renewed it meanwhile. */
  #dropToken(scopes: readonly string[], rejected: string | undefined): void {
    const key = scopes.toSorted().join(' ');
    if (rejected === `Bearer ${this.#tokens.get(key)?.value}`) this.#tokens.delete(key);
  }

  async #fetch(scopes: readonly string[]): Promise<Token> {
    const startedMs = Date.now();
    const fetched = await this.#fetchElsewhere(scopes);
    if (fetched) {
      const lifeMs = Math.max(fetched.lifetimeSeconds, 1) * 1000 * USED_LIFE;
      return { value: fetched.value, expiresAtMs: startedMs + lifeMs, refreshToken: '' };
    }
    const response = await this.#options.send(this.#tokenRequest(scopes));
    if (response.status !== 200) throw await failureOf(response, 'get a token');
    const shape = new JsonShape('token');
    const value = shape.parse(await readBody(response, MAXIMUM_TOKEN_BYTES), MAXIMUM_TOKEN_BYTES);
    const token = shape.optionalString(value, 'token') || shape.optionalString(value, 'access_token');
    if (!token) throw shape.refusal('the token server gave none');
    const seconds = shape.optionalInteger(value, 'expires_in') ?? DEFAULT_LIFETIME_SECONDS;
    return {
      value: token,
      expiresAtMs: startedMs + Math.max(seconds, 1) * 1000 * USED_LIFE,
      refreshToken: shape.optionalString(value, 'refresh_token') ?? '',
    };
  }

  async #fetchElsewhere(scopes: readonly string[]): Promise<FetchedToken | undefined> {
    const { realm = '', service = '', scope } = this.#challenge?.parameters ?? {};
    const wanted = scopes.length > 0 ? scopes : scope ? [scope] : [];
    const { href } = this.#realm(realm);
    return await this.#options.credentials.tokens?.fetch({ realm: href, service, scopes: wanted });
  }

  #tokenRequest(scopes: readonly string[]): HttpRequest {
    const { realm = '', service, scope } = this.#challenge?.parameters ?? {};
    const url = this.#realm(realm);
    const { credentials } = this.#options;
    const wanted = scopes.length > 0 ? scopes : scope ? [scope] : [];
    if (credentials.identityToken) {
      const form = new URLSearchParams({
        grant_type: 'refresh_token',
        client_id: CLIENT_ID,
        refresh_token: credentials.identityToken,
        ...(service ? { service } : {}),
        ...(wanted.length > 0 ? { scope: wanted.join(' ') } : {}),
      });
      const headers = { 'Content-Type': 'application/x-www-form-urlencoded' };
      return { method: 'POST', url, headers, body: Buffer.from(form.toString()) };
    }
    if (service) url.searchParams.set('service', service);
    for (const each of wanted) url.searchParams.append('scope', each);
    const authorization = basic(credentials);
    if (!authorization) return { method: 'GET', url };
    url.searchParams.set('account', credentials.username ?? '');
    if (scopes.length === 0) {
      // A log-in: a token that may be kept in place of the password is welcome.
      url.searchParams.set('client_id', CLIENT_ID);
      url.searchParams.set('offline_token', 'true');
    }
    return { method: 'GET', url, headers: { Authorization: authorization } };
  }

  /** The URL that passwords are sent to. */
  #realm(realm: string): URL {
    const url = URL.parse(realm);
    const isAllowed = url?.protocol === 'https:' || (url?.protocol === 'http:' && this.#options.allowsPlain);
    if (url && isAllowed) return url;
    throw new RegistryFailure('token-server-invalid', {
      subject: this.#options.host,
      details: { realm: realm.slice(0, 200) },
    });
  }

  #failure(reason: 'registry-refuses-credentials' | 'registry-wants-credentials'): RegistryFailure {
    return new RegistryFailure(reason, { subject: this.#options.host, status: 401 });
  }
}

function basic({ username = '', password = '' }: RegistryCredentials): string | undefined {
  if (username === '' && password === '') return undefined;
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}
