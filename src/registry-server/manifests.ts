/** `/v2/NAME/manifests/REFERENCE` (distribution-spec, "Pulling manifests", "Pushing Manifests", "Deleting"). */
import type { Descriptor } from '#oci/descriptor.ts';
import type { Digest } from '#oci/digest.ts';
import { MAXIMUM_MANIFEST_BYTES } from '#oci/manifest.ts';
import { contentHeaders } from './blobs.ts';
import { isTag, type ManifestReference } from './endpoint.ts';
import type { Exchange } from './exchange.ts';
import { type ManifestContent, parseManifest } from './manifest-content.ts';
import { mirroredDigest, mirroredManifest } from './mirrored-manifest.ts';
import { RegistryError } from './registry-error.ts';
import type { RegistryParts } from './registry-parts.ts';
import type { ManifestRow } from './registry-table.ts';

/**
 * GET and HEAD. A registry has a manifest in one form only, so that Accept cannot choose: as Docker's, it answers with
 * what there is.
 */
export async function readManifest(
  parts: RegistryParts,
  exchange: Exchange,
  repository: string,
  reference: ManifestReference,
): Promise<void> {
  const digest = await digestOf(parts, exchange, repository, reference);
  const manifest = await findManifest(parts, exchange, repository, digest);
  const headers = contentHeaders(digest, manifest.mediaType);
  if (exchange.header('if-none-match') === headers.ETag) return exchange.send(304, headers);
  if (exchange.method === 'HEAD')
    return exchange.send(200, { ...headers, 'Content-Length': manifest.sizeBytes });
  exchange.send(200, headers, await parts.content.readAll(digest, MAXIMUM_MANIFEST_BYTES));
}

/** PUT. Everything that it names must be in the repository; what it refers to as its subject need not. */
export async function pushManifest(
  parts: RegistryParts,
  exchange: Exchange,
  repository: string,
  reference: ManifestReference,
): Promise<void> {
  if (reference.by === 'tag' && !isTag(reference.tag))
    throw new RegistryError('TAG_INVALID', { tag: reference.tag });
  const bytes = await exchange.readBody(MAXIMUM_MANIFEST_BYTES);
  const manifest = parseManifest(bytes, exchange.header('content-type'));
  const stored = await parts.content.put(bytes, parts.recent);
  if (reference.by === 'digest' && reference.digest !== stored.digest)
    throw new RegistryError('DIGEST_INVALID', { digest: reference.digest, actual: stored.digest });
  await checkSizes(parts, manifest.blobs);
  store(parts, repository, { ...manifest, ...stored }, reference);
  await parts.table.durable();
  exchange.send(201, {
    Location: `/v2/${repository}/manifests/${stored.digest}`,
    'Docker-Content-Digest': stored.digest,
    ...(manifest.subject ? { 'OCI-Subject': manifest.subject.digest } : undefined),
  });
}

/** DELETE: of a tag the name only, of a digest the manifest and its tags. */
export async function deleteManifest(
  { table }: RegistryParts,
  exchange: Exchange,
  repository: string,
  reference: ManifestReference,
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
  parts: RegistryParts,
  exchange: Exchange,
  repository: string,
  reference: ManifestReference,
): Promise<Digest> {
  if (reference.by === 'digest') return reference.digest;
  const { mirror } = parts;
  const digest = mirror
    ? await mirroredDigest(parts, mirror, { repository, tag: reference.tag }, exchange.signal)
    : parts.table.tagged(repository, reference.tag);
  if (!digest) throw unknown(repository, reference);
  return digest;
}

async function findManifest(
  parts: RegistryParts,
  exchange: Exchange,
  repository: string,
  digest: Digest,
): Promise<ManifestRow> {
  parts.recent.protect(digest);
  const known = parts.table.manifest(repository, digest);
  if (known) return known;
  if (!parts.mirror) throw unknown(repository, { by: 'digest', digest });
  return mirroredManifest(parts, parts.mirror, { repository, digest }, exchange.signal);
}

/** Clients believe a manifest's sizes when they set limits and show progress. */
async function checkSizes({ content, recent }: RegistryParts, blobs: readonly Descriptor[]): Promise<void> {
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
  { table }: RegistryParts,
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
