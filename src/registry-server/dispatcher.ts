/** Leads a request to its endpoint, and turns what is thrown into the answer. */
import type { Logger } from '#base/log.ts';
import { unreachable } from '#base/unreachable.ts';
import { authenticate } from './authentication.ts';
import { deleteBlob, readBlob } from './blobs.ts';
import { type Endpoint, parseEndpoint } from './endpoint.ts';
import type { Exchange } from './exchange.ts';
import type { UserFile } from './htpasswd.ts';
import { listReferrers, listRepositories, listTags } from './listings.ts';
import { deleteManifest, pushManifest, readManifest } from './manifests.ts';
import { asRegistryError, RegistryError } from './registry-error.ts';
import type { RegistryParts } from './registry-parts.ts';
import { cancelUpload, continueUpload, finishUpload, startUpload, uploadStatus } from './uploads.ts';

export interface DispatcherOptions {
  readonly users?: UserFile;
  /** Why nothing can be changed here, where it cannot. */
  readonly readOnlyReason?: string;
}

const READING: ReadonlySet<string> = new Set(['GET', 'HEAD']);

export class Dispatcher {
  readonly #parts: RegistryParts;
  readonly #options: DispatcherOptions;
  readonly #logger: Logger;

  constructor(parts: RegistryParts, options: DispatcherOptions) {
    this.#parts = parts;
    this.#options = options;
    this.#logger = parts.logger;
  }

  /** Never rejects. */
  async answer(exchange: Exchange): Promise<void> {
    exchange.response.setHeader('Docker-Distribution-Api-Version', 'registry/2.0');
    exchange.response.setHeader('X-Content-Type-Options', 'nosniff');
    const startedMs = performance.now();
    try {
      await this.#answer(exchange);
    } catch (error) {
      this.#fail(exchange, error);
    }
    const { method, path, response } = exchange;
    const elapsedMs = Math.round(performance.now() - startedMs);
    this.#logger.debug('request', { method, path, status: response.statusCode, elapsedMs });
  }

  async #answer(exchange: Exchange): Promise<void> {
    // A client that is not admitted learns nothing about what there is.
    if (this.#options.users) await authenticate(this.#options.users, exchange);
    const endpoint = parseEndpoint(exchange.path);
    const { readOnlyReason } = this.#options;
    if (readOnlyReason !== undefined && !READING.has(exchange.method))
      throw new RegistryError('UNSUPPORTED', { reason: readOnlyReason });
    await dispatch(this.#parts, exchange, endpoint);
  }

  #fail(exchange: Exchange, error: unknown): void {
    const answer = asRegistryError(error);
    const { method, path, request } = exchange;
    const isGone = request.destroyed && !request.complete;
    if (answer.status >= 500 && !isGone)
      this.#logger.error('Cannot answer a request', { method, path, error: answer.cause ?? answer });
    exchange.sendError(answer);
  }
}

async function dispatch(parts: RegistryParts, exchange: Exchange, endpoint: Endpoint): Promise<void> {
  const handler = handlersOf(parts, exchange, endpoint)[exchange.method];
  if (!handler) throw new RegistryError('UNSUPPORTED', { method: exchange.method });
  await handler();
}

type Handlers = Readonly<Record<string, () => Promise<void> | void>>;

function handlersOf(parts: RegistryParts, exchange: Exchange, endpoint: Endpoint): Handlers {
  switch (endpoint.kind) {
    case 'base':
      return reading(() => exchange.sendJson(200, {}));
    case 'catalog':
      return reading(() => listRepositories(parts, exchange));
    case 'tags':
      return reading(() => listTags(parts, exchange, endpoint.repository));
    case 'referrers':
      return reading(() => listReferrers(parts, exchange, endpoint.repository, endpoint.digest));
    case 'manifest':
      return {
        ...reading(() => readManifest(parts, exchange, endpoint.repository, endpoint.reference)),
        PUT: () => pushManifest(parts, exchange, endpoint.repository, endpoint.reference),
        DELETE: () => deleteManifest(parts, exchange, endpoint.repository, endpoint.reference),
      };
    case 'blob':
      return {
        ...reading(() => readBlob(parts, exchange, endpoint.repository, endpoint.digest)),
        DELETE: () => deleteBlob(parts, exchange, endpoint.repository, endpoint.digest),
      };
    case 'uploads':
      return { POST: () => startUpload(parts, exchange, endpoint.repository) };
    case 'upload':
      return uploadHandlers(parts, exchange, endpoint);
  }
  return unreachable(endpoint);
}

function uploadHandlers(
  parts: RegistryParts,
  exchange: Exchange,
  { repository, session }: Endpoint & { readonly kind: 'upload' },
): Handlers {
  return {
    GET: () => uploadStatus(parts, exchange, repository, session),
    PATCH: () => continueUpload(parts, exchange, repository, session),
    PUT: () => finishUpload(parts, exchange, repository, session),
    DELETE: () => cancelUpload(parts, exchange, repository, session),
  };
}

function reading(handler: () => Promise<void> | void): Handlers {
  return { GET: handler, HEAD: handler };
}
