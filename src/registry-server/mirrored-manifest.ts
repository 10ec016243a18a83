/** Manifests of a pull-through mirror: its own where they are still what the upstream means, else the upstream's. */
import { isEngineError } from '#base/errors.ts';
import type { Digest } from '#oci/digest.ts';
import { fromUpstream } from './blob-fills.ts';
import { parseManifest } from './manifest-content.ts';
import { RegistryError } from './registry-error.ts';
import type { Mirror, RepositoryRoles } from './registry-roles.ts';
import type { ManifestRow, RegistryTable } from './registry-table.ts';

/**
 * What a tag means: the upstream knows. While it cannot be asked, what it meant last is better than nothing.
 *
 * @throws {RegistryError} MANIFEST_UNKNOWN, UNAVAILABLE
 */
export async function mirroredDigest(
  table: RegistryTable,
  { upstream, logger }: Mirror,
  { repository, tag }: { readonly repository: string; readonly tag: string },
  signal: AbortSignal,
): Promise<Digest> {
  const known = table.tagged(repository, tag);
  try {
    const digest = await fromUpstream(() => upstream.resolveTag(repository, tag, signal), 'MANIFEST_UNKNOWN');
    if (digest !== known && table.manifest(repository, digest)) table.setTag(repository, tag, digest);
    return digest;
  } catch (error) {
    if (!known || !isEngineError(error, 'unavailable')) throw error;
    logger.warn('The upstream cannot be asked; serving what a tag meant last', { repository, tag, error });
    return known;
  }
}

/** Fetches a manifest and keeps it; its blobs come when they are asked for. */
export async function mirroredManifest(
  { table, content, recent }: RepositoryRoles,
  { upstream }: Mirror,
  { repository, digest }: { readonly repository: string; readonly digest: Digest },
  signal: AbortSignal,
): Promise<ManifestRow> {
  const fetched = await fromUpstream(
    () => upstream.fetchManifest(repository, digest, signal),
    'MANIFEST_UNKNOWN',
  );
  const { blobs, manifests, subject, ...rest } = parseManifest(fetched.content, fetched.mediaType);
  const stored = await content.put(fetched.content, recent);
  if (stored.digest !== digest)
    throw new RegistryError('UNAVAILABLE', { reason: 'the upstream sent something else' });
  const references = [...blobs, ...manifests].map((each) => each.digest);
  const row = { ...rest, ...stored, references, ...(subject ? { subject: subject.digest } : {}) };
  table.putManifest(repository, row, undefined);
  return row;
}
