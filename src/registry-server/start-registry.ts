/** Puts a registry together and serves it. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { EngineError } from '#base/errors.ts';
import { type Logger, silentLogger } from '#base/log.ts';
import type { Lease } from '#store/content.ts';
import { BLOBS, FileContentStore } from '#store/file-content-store.ts';
import { MemoryLeases } from '#store/leases.ts';
import { hasData } from '#store/lost-metadata.ts';
import { MetadataBackup } from '#store/metadata-backup.ts';
import { SqliteMetadata } from '#store/sqlite-metadata.ts';
import { BlobFills } from './blob-fills.ts';
import { collectGarbage } from './collect-garbage.ts';
import { collectThroughSocket, openControlSocket } from './control-socket.ts';
import { Dispatcher } from './dispatcher.ts';
import { HttpServer, type ServerCredentials } from './http-server.ts';
import { UserFile } from './htpasswd.ts';
import { RecentUse } from './recent-use.ts';
import type { RegistryStorage, UploadRoles } from './registry-roles.ts';
import type {
  GarbageOptions,
  GarbageReport,
  RegistryLimits,
  RegistryOptions,
  RunningRegistry,
} from './registry-server.ts';
import { registryMigrations, RegistryTable } from './registry-table.ts';
import { ensureSelfSigned } from './self-signed.ts';
import { UploadSessions } from './upload-sessions.ts';

const HOUSEKEEPING_MS = 15 * 60 * 1000;

/**
 * Serves the registry in `options.root` until the result is disposed.
 *
 * @throws {EngineError} `conflict` if the root or the address is in use; `not-found` for files that are not there
 */
export async function startRegistry(options: RegistryOptions): Promise<RunningRegistry> {
  await using resources = new AsyncDisposableStack();
  const storage = openRegistryStorage(options, resources);
  const closing = new AbortController();
  const { logger = silentLogger } = options;
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const recent = resources.use(new RecentUse(storage.leases));
  const roles = assemble({ ...options, limits, logger }, { ...storage, recent }, closing.signal, resources);
  const dispatcher = new Dispatcher(roles, {
    ...(options.htpasswd === undefined ? {} : { users: new UserFile(options.htpasswd, logger) }),
    ...readOnlyReason(options),
    logger,
  });
  const credentials = credentialsOf(options);
  await roles.uploads.expire(closing.signal);
  const timer = setInterval(() => {
    recent.rotate();
    void expireUploads(roles.uploads, closing.signal, logger);
  }, HOUSEKEEPING_MS).unref();
  resources.defer(() => clearInterval(timer));
  const server = new HttpServer((exchange) => dispatcher.answer(exchange), {
    idleMs: limits.connectionIdleMs,
    ...(credentials ? { credentials } : {}),
  });
  resources.use(server);
  resources.defer(() => closing.abort());
  const { address, port } = await server.listen(options.listen);
  const collect = (garbage: GarbageOptions = {}) => collectGarbage(storage, roles.table, garbage);
  resources.use(await openControlSocket(options.root, collect));
  logger.info('the registry is ready', { address });
  const owned = resources.move();
  return {
    address,
    port,
    ...(options.tls?.kind === 'self-signed' && credentials ? { certificate: credentials.certificate } : {}),
    collectGarbage: collect,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

const DEFAULT_LIMITS: RegistryLimits = {
  maximumBlobBytes: 64 * 1024 ** 3,
  maximumUploads: 1000,
  uploadIdleMs: 24 * 3600 * 1000,
  connectionIdleMs: 5 * 60 * 1000,
};

/** Opens the storage of a registry that has a root of its own; `resources` closes it. */
function openRegistryStorage(
  { root, logger = silentLogger }: Pick<RegistryOptions, 'root' | 'logger'>,
  resources: AsyncDisposableStack,
): RegistryStorage {
  const evidence = [join(root, BLOBS)].filter(hasData);
  const metadata = resources.use(new SqliteMetadata(root, [registryMigrations], evidence));
  resources.use(new MetadataBackup(root, metadata.database, logger));
  const content = resources.use(new FileContentStore(root));
  return { metadata, content, leases: new MemoryLeases() };
}

function assemble(
  {
    limits,
    upstream,
    logger,
  }: Pick<RegistryOptions, 'upstream'> & {
    readonly limits: RegistryLimits;
    readonly logger: Logger;
  },
  { content, metadata, recent }: RegistryStorage & { readonly recent: Lease },
  closing: AbortSignal,
  resources: AsyncDisposableStack,
): UploadRoles {
  const table = new RegistryTable(metadata);
  const place = { content, table, recent };
  const uploads = resources.use(new UploadSessions({ ...place, limits }));
  const { maximumBlobBytes } = limits;
  if (!upstream) return { ...place, uploads, maximumBlobBytes };
  const fills = new BlobFills({ ...place, upstream, maximumBlobBytes, closing });
  return { ...place, uploads, maximumBlobBytes, mirror: { upstream, fills, logger } };
}

async function expireUploads(uploads: UploadSessions, signal: AbortSignal, logger: Logger): Promise<void> {
  try {
    await uploads.expire(signal);
  } catch (error) {
    if (!signal.aborted) logger.warn('Cannot remove old uploads', { error });
  }
}

function readOnlyReason({ readOnly, upstream }: RegistryOptions): { readonly readOnlyReason?: string } {
  if (upstream) return { readOnlyReason: 'this registry mirrors another' };
  return readOnly ? { readOnlyReason: 'this registry is read-only' } : {};
}

function credentialsOf({ tls, root }: RegistryOptions): ServerCredentials | undefined {
  if (!tls) return undefined;
  if (tls.kind === 'self-signed') return ensureSelfSigned(join(root, 'tls'), tls.names);
  return { certificate: readFileSync(tls.certificate, 'utf8'), key: readFileSync(tls.key, 'utf8') };
}

/**
 * Collects the garbage of the registry in `root`: where one serves, it does it itself.
 *
 * @throws {EngineError} `not-found` if there is no registry
 */
export async function collectRegistryGarbage(root: string, options: GarbageOptions): Promise<GarbageReport> {
  if (!existsSync(join(root, 'metadata.db')))
    throw new EngineError('not-found', `Cannot collect garbage in ${root}: there is no registry`);
  const served = await collectThroughSocket(root, options);
  if (served) return served;
  await using resources = new AsyncDisposableStack();
  const storage = openRegistryStorage({ root }, resources);
  return await collectGarbage(storage, new RegistryTable(storage.metadata), options);
}
