/** The registries that one engine talks to; see `registry.ts`. */
import { createHash } from 'node:crypto';
import { KeyedLock } from '#base/keyed-lock.ts';
import type { Reference } from '#oci/reference.ts';
import type { RegistryCredentials } from './credentials.ts';
import type { Credentials } from './token-source.ts';
import { Authorizer } from './authorizer.ts';
import { EndpointClient } from './endpoint-client.ts';
import { CERTIFICATE_DIRECTORIES } from './host-certificates.ts';
import { Hosts } from './hosts.ts';
import { DEFAULT_TIMEOUTS, type HttpTimeouts } from './http-client.ts';
import { logIn } from './login.ts';
import { MirroredRepository } from './mirrored-repository.ts';
import type { LoginResult, OpenOptions, Registries, Repository, SearchResult } from './registry.ts';
import { RegistryFailure } from './registry-failure.ts';
import { RepositoryClient } from './repository-client.ts';
import { DEFAULT_RETRY, type RetryPolicy } from './retry.ts';
import { type SearchOptions, searchRegistry } from './search.ts';

const DOCKER_HUB = 'docker.io';
const DOCKER_HUB_HOST = 'registry-1.docker.io';
const ANONYMOUS: RegistryCredentials = {};
/** Credentials whose tokens are kept for the next operation. */
const MAXIMUM_AUTHORIZERS = 64;

export interface RegistriesOptions {
  readonly insecureRegistries?: readonly string[];
  /** URLs of mirrors of Docker Hub. */
  readonly registryMirrors?: readonly string[];
  readonly certificateDirectories?: readonly string[];
  readonly timeouts?: Partial<HttpTimeouts>;
  readonly retry?: Partial<RetryPolicy>;
}

export interface OwnedRegistries extends Registries, Disposable {
  readonly retry: RetryPolicy;
}

/** Dispose it to close all connections. @throws {EngineError} `invalid` for a mirror that is no URL */
export function createRegistries(options: RegistriesOptions = {}): OwnedRegistries {
  return new EngineRegistries(options);
}

class EngineRegistries implements OwnedRegistries {
  readonly retry: RetryPolicy;
  readonly #hosts: Hosts;
  /** Hosts of requests that say themselves that the host is insecure. */
  readonly #insecureHosts: Hosts;
  readonly #mirrors: readonly URL[];
  readonly #authorizers = new Map<string, Authorizer>();
  readonly #uploads = new KeyedLock<string>();

  constructor(options: RegistriesOptions) {
    this.retry = { ...DEFAULT_RETRY, ...options.retry };
    this.#mirrors = (options.registryMirrors ?? []).map(mirrorUrl);
    const hosts = {
      insecureRegistries: options.insecureRegistries ?? [],
      certificateDirectories: options.certificateDirectories ?? CERTIFICATE_DIRECTORIES,
      timeouts: { ...DEFAULT_TIMEOUTS, ...options.timeouts },
    };
    this.#hosts = new Hosts(hosts);
    this.#insecureHosts = new Hosts({ ...hosts, isEverythingInsecure: true });
  }

  open({ domain, path }: Pick<Reference, 'domain' | 'path'>, options: OpenOptions): Repository {
    const { access } = options;
    const isHub = domain === DOCKER_HUB;
    const host = isHub ? DOCKER_HUB_HOST : domain;
    const shared = { path, access, uploads: this.#uploads };
    const origin = new RepositoryClient({ endpoint: this.#endpoint({ host }, options), ...shared });
    if (!isHub || access !== 'pull' || this.#mirrors.length === 0) return origin;
    const mirrors = this.#mirrors.map((url) => {
      const endpoint = this.#endpoint(url, { ...options, credentials: ANONYMOUS });
      return new RepositoryClient({ endpoint, ...shared });
    });
    return new MirroredRepository(mirrors, origin);
  }

  async login(address: string, credentials: RegistryCredentials, signal?: AbortSignal): Promise<LoginResult> {
    const host = loginHost(address);
    const authorizer = this.#newAuthorizer(host, credentials);
    return await logIn(this.#client({ host }, authorizer, signal), authorizer, signal);
  }

  async search(term: string, options: SearchOptions): Promise<readonly SearchResult[]> {
    return await searchRegistry(term, options, (host) =>
      this.#client({ host }, this.#newAuthorizer(host, options.credentials), options.signal),
    );
  }

  [Symbol.dispose](): void {
    this.#hosts[Symbol.dispose]();
    this.#insecureHosts[Symbol.dispose]();
  }

  #endpoint(
    place: { readonly host: string } & Partial<Pick<URL, 'protocol' | 'pathname'>>,
    { credentials, signal, insecure }: Pick<OpenOptions, 'credentials' | 'signal' | 'insecure'>,
  ): EndpointClient {
    const hosts = insecure ? this.#insecureHosts : this.#hosts;
    return this.#client(place, this.#authorizerFor(place.host, credentials, hosts), signal, hosts);
  }

  #client(
    {
      host,
      protocol,
      pathname = '',
    }: { readonly host: string } & Partial<Pick<URL, 'protocol' | 'pathname'>>,
    authorizer: Authorizer,
    signal: AbortSignal | undefined,
    hosts = this.#hosts,
  ): EndpointClient {
    return new EndpointClient({
      host,
      prefix: pathname.replace(/\/+$/, ''),
      ...(protocol === 'http:' || protocol === 'https:' ? { scheme: protocol } : {}),
      hosts,
      authorizer,
      retry: this.retry,
      ...(signal ? { signal } : {}),
    });
  }

  /** Tokens are good for more than one operation. */
  #authorizerFor(host: string, credentials: Credentials, hosts: Hosts): Authorizer {
    const key = createHash('sha256')
      .update(JSON.stringify([host, credentials, hosts === this.#insecureHosts]))
      .digest('hex');
    const known = this.#authorizers.get(key) ?? this.#newAuthorizer(host, credentials, hosts);
    this.#authorizers.delete(key);
    this.#authorizers.set(key, known);
    const [oldest] = this.#authorizers.keys();
    if (this.#authorizers.size > MAXIMUM_AUTHORIZERS && oldest !== undefined)
      this.#authorizers.delete(oldest);
    return known;
  }

  #newAuthorizer(host: string, credentials: Credentials, hosts = this.#hosts): Authorizer {
    return new Authorizer({
      host,
      credentials,
      send: (request) => hosts.clientFor(request.url.host).send(request),
      allowsPlain: hosts.isInsecure(host),
    });
  }
}

function mirrorUrl(text: string): URL {
  const url = URL.parse(text);
  if (url && /^https?:$/.test(url.protocol)) return url;
  throw new RegistryFailure('mirror-invalid', { subject: text });
}

/** What `docker login` was given: a host, a URL, or Docker Hub's old address. */
function loginHost(address: string): string {
  const host = address.replace(/^https?:\/\//, '').split('/')[0] ?? '';
  return host === '' || host === DOCKER_HUB || host === 'index.docker.io' ? DOCKER_HUB_HOST : host;
}
