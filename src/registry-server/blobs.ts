/** `/v2/NAME/blobs/DIGEST` (distribution-spec, "Pulling blobs", "Deleting Blobs"). */
import type { Digest } from '#oci/digest.ts';
import type { BlobInfo } from '#store/content.ts';
import { parseRange } from './byte-range.ts';
import type { EndpointOf } from './endpoint.ts';
import type { Exchange } from './exchange.ts';
import { RegistryError } from './registry-error.ts';
import { contentHeaders } from './content-headers.ts';
import type { RepositoryRoles } from './registry-roles.ts';
import { sendFile } from './send-file.ts';

const ONE_YEAR = 'max-age=31536000';

export async function readBlob(
  roles: RepositoryRoles,
  exchange: Exchange,
  { repository, digest }: EndpointOf<'blob'>,
): Promise<void> {
  const blob = await findBlob(roles, repository, digest);
  if (blob) return sendBlob(roles, exchange, blob);
  if (!roles.mirror) throw unknown(roles, repository, digest);
  await roles.mirror.fills.serve(exchange, repository, digest);
}

/** The blob as the repository sees it. It is protected from collection for a while. */
export async function findBlob(
  { content, table, recent }: RepositoryRoles,
  repository: string,
  digest: Digest,
): Promise<BlobInfo | undefined> {
  recent.protect(digest);
  return table.hasBlob(repository, digest) ? await content.stat(digest) : undefined;
}

/** @throws {RegistryError} DENIED while a manifest of the repository names it */
export async function deleteBlob(
  { table }: RepositoryRoles,
  exchange: Exchange,
  { repository, digest }: EndpointOf<'blob'>,
): Promise<void> {
  const manifest = table.manifestNaming(repository, digest);
  if (manifest !== undefined) throw new RegistryError('DENIED', { digest, reason: `${manifest} names it` });
  if (!table.unlinkBlob(repository, digest)) throw new RegistryError('BLOB_UNKNOWN', { digest });
  await table.durable();
  exchange.send(202);
}

async function sendBlob(
  { content }: RepositoryRoles,
  exchange: Exchange,
  { digest, sizeBytes }: BlobInfo,
): Promise<void> {
  const headers = {
    ...contentHeaders(digest, 'application/octet-stream'),
    'Accept-Ranges': 'bytes',
    'Cache-Control': ONE_YEAR,
  };
  if (exchange.header('if-none-match') === headers.ETag) return exchange.send(304, headers);
  const range = exchange.method === 'GET' ? parseRange(exchange.header('range'), sizeBytes) : undefined;
  const { offset, lengthBytes } = range ?? { offset: 0, lengthBytes: sizeBytes };
  const part = range ? { 'Content-Range': `bytes ${offset}-${offset + lengthBytes - 1}/${sizeBytes}` } : {};
  exchange.writeHead(range ? 206 : 200, { ...headers, ...part, 'Content-Length': lengthBytes });
  if (exchange.method === 'HEAD') return void exchange.response.end();
  await sendFile(exchange.response, content.path(digest), { offset, lengthBytes });
}

function unknown({ table }: RepositoryRoles, repository: string, digest: Digest): RegistryError {
  return table.hasRepository(repository)
    ? new RegistryError('BLOB_UNKNOWN', { digest })
    : new RegistryError('NAME_UNKNOWN', { name: repository });
}
