/** `/v2/NAME/blobs/uploads/…` (distribution-spec, "Pushing blobs"). */
import { randomUUID } from 'node:crypto';
import { fieldsOf } from '#base/json.ts';
import { discardBuffer } from '#base/discard-buffer.ts';
import { isEngineError } from '#base/errors.ts';
import type { Digest } from '#oci/digest.ts';
import { findBlob } from './blobs.ts';
import { checkDigest, type EndpointOf, isRepositoryName } from './endpoint.ts';
import type { Exchange, Headers } from './exchange.ts';
import { RegistryError } from './registry-error.ts';
import type { RepositoryRoles, UploadRoles } from './registry-roles.ts';
import type { UploadBody, UploadSession } from './upload-sessions.ts';

/** POST: mounts a blob from another repository, takes one whole, or opens a session. */
export async function startUpload(
  roles: UploadRoles,
  exchange: Exchange,
  { repository }: EndpointOf<'uploads'>,
): Promise<void> {
  const mount = exchange.query.get('mount');
  if (mount !== null && (await mountBlob(roles, exchange, repository, checkDigest(mount)))) return;
  const digest = exchange.query.get('digest');
  if (digest !== null) return uploadWhole(roles, exchange, repository, checkDigest(digest));
  const session = roles.uploads.start(repository);
  exchange.send(202, sessionHeaders(session, 0));
}

/** GET: how far a session has come. */
export async function uploadStatus(
  { uploads }: UploadRoles,
  exchange: Exchange,
  endpoint: EndpointOf<'upload'>,
): Promise<void> {
  const session = uploads.find(endpoint);
  exchange.send(204, sessionHeaders(session, await uploads.offset(session, exchange.signal)));
}

/** PATCH: the next part. */
export async function continueUpload(
  { uploads }: UploadRoles,
  exchange: Exchange,
  endpoint: EndpointOf<'upload'>,
): Promise<void> {
  const session = uploads.find(endpoint);
  const offset = await orOffset(session, () => uploads.append(session, bodyOf(exchange), startOf(exchange)));
  exchange.send(202, sessionHeaders(session, offset));
}

/** PUT: the last part, which may be empty, and what the whole must be. */
export async function finishUpload(
  roles: UploadRoles,
  exchange: Exchange,
  endpoint: EndpointOf<'upload'>,
): Promise<void> {
  const session = roles.uploads.find(endpoint);
  const digest = checkDigest(exchange.query.get('digest') ?? '');
  await orOffset(session, () => roles.uploads.finish(session, digest, bodyOf(exchange), startOf(exchange)));
  await link(roles, exchange, endpoint.repository, digest);
}

export async function cancelUpload(
  { uploads }: UploadRoles,
  exchange: Exchange,
  endpoint: EndpointOf<'upload'>,
): Promise<void> {
  await uploads.cancel(uploads.find(endpoint), exchange.signal);
  exchange.send(204);
}

/** @returns false where there is nothing to mount: the client uploads */
async function mountBlob(
  roles: UploadRoles,
  exchange: Exchange,
  repository: string,
  digest: Digest,
): Promise<boolean> {
  const named = exchange.query.get('from');
  const from = named ?? roles.table.repositoryWithBlob(digest);
  if (from === undefined || !isRepositoryName(from) || !(await findBlob(roles, from, digest))) return false;
  await link(roles, exchange, repository, digest);
  return true;
}

async function uploadWhole(
  roles: UploadRoles,
  exchange: Exchange,
  repository: string,
  digest: Digest,
): Promise<void> {
  const { maximumBlobBytes } = roles;
  if ((exchange.bodyLength ?? 0) > maximumBlobBytes)
    throw new RegistryError('BLOB_TOO_LARGE', { maximumBlobBytes });
  await using writer = await roles.content.openWriter(`registry-whole ${randomUUID()}`, {
    lease: roles.recent,
  });
  for await (const chunk of exchange.body()) {
    if (writer.offset + chunk.length > maximumBlobBytes)
      throw new RegistryError('BLOB_TOO_LARGE', { maximumBlobBytes });
    await writer.write(chunk);
    discardBuffer(chunk);
  }
  try {
    await writer.commit({ digest });
  } catch (error) {
    throw isEngineError(error, 'invalid')
      ? new RegistryError('DIGEST_INVALID', { digest }, { cause: error })
      : error;
  }
  await link(roles, exchange, repository, digest);
}

/** The blob is there: it becomes the repository's. */
async function link(
  { table }: RepositoryRoles,
  exchange: Exchange,
  repository: string,
  digest: Digest,
): Promise<void> {
  table.linkBlob(repository, digest);
  await table.durable();
  exchange.send(201, { Location: `/v2/${repository}/blobs/${digest}`, 'Docker-Content-Digest': digest });
}

/** Where the client says that its part belongs; it need not say so. */
function startOf(exchange: Exchange): number | undefined {
  const header = exchange.header('content-range');
  if (header === '') return undefined;
  const [, first, last] = /^(?:bytes )?(\d+)-(\d+)(?:\/(?:\d+|\*))?$/.exec(header) ?? [];
  const length = Number(last) - Number(first) + 1;
  if (first === undefined || length < 1)
    throw new RegistryError('BLOB_UPLOAD_INVALID', { contentRange: header });
  const { bodyLength } = exchange;
  if (bodyLength !== undefined && bodyLength !== length)
    throw new RegistryError('SIZE_INVALID', { contentRange: header, contentLength: bodyLength });
  return Number(first);
}

function bodyOf(exchange: Exchange): UploadBody {
  return { chunks: exchange.body(), cut: () => exchange.request.destroy(), signal: exchange.signal };
}

/** A client that is wrong about the offset is told the right one. */
async function orOffset<T>(session: UploadSession, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof RegistryError) || error.entry !== 'RANGE_INVALID') throw error;
    const { detail } = error;
    const { offset = 0 } = fieldsOf(detail);
    throw new RegistryError('RANGE_INVALID', detail, { headers: sessionHeaders(session, Number(offset)) });
  }
}

/** The range is inclusive, so that clients know nothing and one byte apart only by what they sent; as in Docker's. */
function sessionHeaders({ repository, id }: UploadSession, offset: number): Record<string, string> & Headers {
  return {
    Location: `/v2/${repository}/blobs/uploads/${id}`,
    Range: `0-${Math.max(0, offset - 1)}`,
    'Docker-Upload-UUID': id,
  };
}
