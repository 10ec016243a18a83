/** `/v2/NAME/manifests/REFERENCE` (distribution-spec, "Pulling manifests", "Pushing Manifests", "Deleting"). */
import type { Descriptor } from '#oci/descriptor.ts';
import type { Digest } from '#oci/digest.ts';
import { MAXIMUM_MANIFEST_BYTES } from '#oci/manifest.ts';
import { contentHeaders } from './content-headers.ts';
import { type EndpointOf, isTag, type ManifestReference } from './endpoint.ts';
import type { Exchange } from './exchange.ts';
import { type ManifestContent, parseManifest } from './manifest-content.ts';
import { mirroredDigest, mirroredManifest } from './mirrored-manifest.ts';
import { RegistryError } from './registry-error.ts';
import type { RepositoryRoles } from './registry-roles.ts';
import type { ManifestRow } from './registry-table.ts';

/**
 * GET and HEAD. A registry has a manifest in one form only, so that Accept cannot choose: as Docker's, it answers with
 * what there is.
 */
export async function readManifest(
  roles: RepositoryRoles,
  exchange: Exchange,
  endpoint: EndpointOf<'manifest'>,
): Promise<void> {
  const digest = await digestOf(roles, endpoint, exchange.signal);
  const manifest = await findManifest(roles, endpoint.repository, digest, exchange.signal);
  const headers = contentHeaders(digest, manifest.mediaType);
  if (exchange.header('if-none-match') === headers.ETag) return exchange.send(304, headers);
  if (exchange.method === 'HEAD')
    return exchange.send(200, { ...headers, 'Content-Length': manifest.sizeBytes });
  exchange.send(200, headers, await roles.content.readAll(digest, MAXIMUM_MANIFEST_BYTES));
}

/** PUT. Everything that it names must be in the repository; what it refers to as its subject need not. */
export async function pushManifest(
  roles: RepositoryRoles,
  exchange: Exchange,
  { repository, reference }: EndpointOf<'manifest'>,
): Promise<void> {
  if (reference.by === 'tag' && !isTag(reference.tag))
    throw new RegistryError('TAG_INVALID', { tag: reference.tag });
  const bytes = await exchange.readBody(MAXIMUM_MANIFEST_BYTES);
  const manifest = parseManifest(bytes, exchange.header('content-type'));
  const stored = await roles.content.put(bytes, roles.recent);
  if (reference.by === 'digest' && reference.digest !== stored.digest)
    throw new RegistryError('DIGEST_INVALID', { digest: reference.digest, actual: stored.digest });
  await checkSizes(roles, manifest.blobs);
  store(roles, repository, { ...manifest, ...stored }, reference);
  await roles.table.durable();
  exchange.send(201, {
    Location: `/v2/${repository}/manifests/${stored.digest}`,
    'Docker-Content-Digest': stored.digest,
    ...(manifest.subject ? { 'OCI-Subject': manifest.subject.digest } : undefined),
  });
}

/** DELETE: of a tag the name only, of a digest the manifest and its tags. */
export async function deleteManifest(
  { table }: RepositoryRoles,
  exchange: Exchange,
  { repository, reference }: EndpointOf<'manifest'>,
): Promise<void> {
  const wasThere =
    reference.by === 'tag'
      ? table.deleteTag(repository, reference.tag)
      : table.deleteManifest(repository, reference.digest);
  if (!wasThere) throw unknown(repository, reference);
  await table.durable();
  exchange.send(202);
}

async function digestOf(
  { table, mirror }: RepositoryRoles,
  { repository, reference }: EndpointOf<'manifest'>,
  signal: AbortSignal,
): Promise<Digest> {
  if (reference.by === 'digest') return reference.digest;
  const digest = mirror
    ? await mirroredDigest(table, mirror, { repository, tag: reference.tag }, signal)
    : table.tagged(repository, reference.tag);
  if (!digest) throw unknown(repository, reference);
  return digest;
}

async function findManifest(
  roles: RepositoryRoles,
  repository: string,
  digest: Digest,
  signal: AbortSignal,
): Promise<ManifestRow> {
  roles.recent.protect(digest);
  const known = roles.table.manifest(repository, digest);
  if (known) return known;
  if (!roles.mirror) throw unknown(repository, { by: 'digest', digest });
  return mirroredManifest(roles, roles.mirror, { repository, digest }, signal);
}

/** Clients believe a manifest's sizes when they set limits and show progress. */
async function checkSizes({ content, recent }: RepositoryRoles, blobs: readonly Descriptor[]): Promise<void> {
  recent.protect(...blobs.map(({ digest }) => digest));
  const infos = await Promise.all(blobs.map(({ digest }) => content.stat(digest)));
  for (const [index, { digest, size }] of blobs.entries()) {
    const actual = infos[index]?.sizeBytes;
    if (actual !== undefined && actual !== size)
      throw new RegistryError('SIZE_INVALID', { digest, size, actual });
  }
}

/** Checks and stores in one go, so that nothing that it names can be deleted in between. */
function store(
  { table }: RepositoryRoles,
  repository: string,
  manifest: ManifestContent & { readonly digest: Digest; readonly sizeBytes: number },
  reference: ManifestReference,
): void {
  const { blobs, manifests, subject, ...row } = manifest;
  const missing = [
    ...blobs.filter(({ digest }) => !table.hasBlob(repository, digest)),
    ...manifests.filter(({ digest }) => !table.manifest(repository, digest)),
  ];
  const [first] = missing;
  if (first) throw new RegistryError('MANIFEST_BLOB_UNKNOWN', { digest: first.digest });
  const references = [...blobs, ...manifests].map(({ digest }) => digest);
  const tag = reference.by === 'tag' ? reference.tag : undefined;
  table.putManifest(repository, { ...row, references, ...(subject ? { subject: subject.digest } : {}) }, tag);
}

function unknown(repository: string, reference: ManifestReference): RegistryError {
  const revision = reference.by === 'tag' ? { tag: reference.tag } : { digest: reference.digest };
  return new RegistryError('MANIFEST_UNKNOWN', { name: repository, ...revision });
}
