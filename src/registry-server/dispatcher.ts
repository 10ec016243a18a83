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
import type { UploadRoles } from './registry-roles.ts';
import { cancelUpload, continueUpload, finishUpload, startUpload, uploadStatus } from './uploads.ts';

export interface DispatcherOptions {
  readonly users?: UserFile;
  /** Why nothing can be changed here, where it cannot. */
  readonly readOnlyReason?: string;
  readonly logger: Logger;
}

const READING: ReadonlySet<string> = new Set(['GET', 'HEAD']);

export class Dispatcher {
  readonly #roles: UploadRoles;
  readonly #options: DispatcherOptions;

  constructor(roles: UploadRoles, options: DispatcherOptions) {
    this.#roles = roles;
    this.#options = options;
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
    this.#options.logger.debug('request', { method, path, status: response.statusCode, elapsedMs });
  }

  async #answer(exchange: Exchange): Promise<void> {
    // A client that is not admitted learns nothing about what there is.
    if (this.#options.users) await authenticate(this.#options.users, exchange);
    const endpoint = parseEndpoint(exchange.path);
    const { readOnlyReason } = this.#options;
    if (readOnlyReason !== undefined && !READING.has(exchange.method))
      throw new RegistryError('UNSUPPORTED', { reason: readOnlyReason });
    await dispatch(this.#roles, exchange, endpoint);
  }

  #fail(exchange: Exchange, error: unknown): void {
    const answer = asRegistryError(error);
    const { method, path, request } = exchange;
    const isGone = exchange.signal.aborted || (request.destroyed && !request.complete);
    if (answer.status >= 500 && !isGone)
      this.#options.logger.error('Cannot answer a request', { method, path, error: answer.cause ?? answer });
    exchange.sendError(answer);
  }
}

async function dispatch(roles: UploadRoles, exchange: Exchange, endpoint: Endpoint): Promise<void> {
  const handler = handlersOf(roles, exchange, endpoint)[exchange.method];
  if (!handler) throw new RegistryError('UNSUPPORTED', { method: exchange.method });
  await handler();
}

type Handlers = Readonly<Record<string, () => Promise<void> | void>>;

function handlersOf(roles: UploadRoles, exchange: Exchange, endpoint: Endpoint): Handlers {
  switch (endpoint.kind) {
    case 'base':
      return reading(() => exchange.sendJson(200, {}));
    case 'catalog':
      return reading(() => listRepositories(roles.table, exchange));
    case 'tags':
      return reading(() => listTags(roles.table, exchange, endpoint));
    case 'referrers':
      return reading(() => listReferrers(roles.table, exchange, endpoint));
    case 'manifest':
      return {
        ...reading(() => readManifest(roles, exchange, endpoint)),
        PUT: () => pushManifest(roles, exchange, endpoint),
        DELETE: () => deleteManifest(roles, exchange, endpoint),
      };
    case 'blob':
      return {
        ...reading(() => readBlob(roles, exchange, endpoint)),
        DELETE: () => deleteBlob(roles, exchange, endpoint),
      };
    case 'uploads':
      return { POST: () => startUpload(roles, exchange, endpoint) };
    case 'upload':
      return {
        GET: () => uploadStatus(roles, exchange, endpoint),
        PATCH: () => continueUpload(roles, exchange, endpoint),
        PUT: () => finishUpload(roles, exchange, endpoint),
        DELETE: () => cancelUpload(roles, exchange, endpoint),
      };
  }
  return unreachable(endpoint);
}

function reading(handler: () => Promise<void> | void): Handlers {
  return { GET: handler, HEAD: handler };
}
