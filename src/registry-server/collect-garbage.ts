/**
 * Garbage collection of a registry, while it serves. Marking and unlinking are one transaction, in which no request
 * can interleave; bytes go only after a last look for each blob, right before it is deleted.
 */
import type { Digest } from '#oci/digest.ts';
import type { BlobInfo, Leases } from '#store/content.ts';
import { sweepBlobs } from '#store/garbage.ts';
import type { RegistryStorage } from './registry-roles.ts';
import type { GarbageOptions, GarbageReport } from './registry-server.ts';
import type { RegistryTable } from './registry-table.ts';

const DEFAULT_GRACE_MS = 3600 * 1000;

/** Manifests that only their digest leads to. Deleting some can leave others without an index or a subject. */
const UNTAGGED = `
  SELECT repository, digest FROM registry_manifests AS m WHERE pushed_at_ms <= ?
    AND NOT EXISTS (SELECT 1 FROM registry_tags t WHERE t.repository = m.repository AND t.digest = m.digest)
    AND NOT EXISTS (SELECT 1 FROM registry_references r WHERE r.repository = m.repository AND r.digest = m.digest)
    AND NOT EXISTS (
      SELECT 1 FROM registry_manifests s WHERE s.repository = m.repository AND s.digest = m.subject)`;

/** Links that no manifest of the repository gives a reason for. */
const UNNAMED = `
  SELECT repository, digest FROM registry_blobs AS b WHERE linked_at_ms <= ? AND NOT EXISTS (
    SELECT 1 FROM registry_references r WHERE r.repository = b.repository AND r.digest = b.digest)`;

export async function collectGarbage(
  storage: RegistryStorage,
  table: RegistryTable,
  options: GarbageOptions = {},
): Promise<GarbageReport> {
  if (options.dryRun) return estimate(storage, table, options);
  const manifests = table.transaction(() => unlink(table, storage.leases, options));
  await table.durable();
  const { content, leases } = storage;
  const deleted = await sweepBlobs({ content, leases, isReachable: (digest) => isNamed(table, digest) });
  return { manifests, ...sumOf(deleted) };
}

/**
 * What was used lately stays linked, too: a client that was just told that it is there is about to name it.
 *
 * @returns how many manifests went
 */
function unlink(
  table: RegistryTable,
  leases: Leases,
  { deleteUntagged = false, graceMs = DEFAULT_GRACE_MS }: GarbageOptions,
): number {
  const before = Date.now() - graceMs;
  const unused = (sql: string) =>
    table.links(sql, before).filter(({ digest }) => !leases.isProtected(digest));
  let manifests = 0;
  // An index that went leaves what it listed untagged.
  for (let found = deleteUntagged ? unused(UNTAGGED) : []; found.length > 0; found = unused(UNTAGGED)) {
    for (const { repository, digest } of found) table.deleteManifest(repository, digest);
    manifests += found.length;
  }
  for (const { repository, digest } of unused(UNNAMED)) table.unlinkBlob(repository, digest);
  return manifests;
}

/** Unlinks in a transaction that is taken back. */
async function estimate(
  { content, leases }: RegistryStorage,
  table: RegistryTable,
  options: GarbageOptions,
): Promise<GarbageReport> {
  const present: BlobInfo[] = [];
  for await (const blob of content.list()) present.push(blob);
  const outcome: { report?: GarbageReport } = {};
  const undo = new Error('taken back');
  try {
    table.transaction(() => {
      const manifests = unlink(table, leases, options);
      const gone = present.filter(({ digest }) => !isNamed(table, digest) && !leases.isProtected(digest));
      outcome.report = { manifests, ...sumOf(gone) };
      throw undo;
    });
  } catch (error) {
    if (error !== undo) throw error;
  }
  return outcome.report ?? { manifests: 0, blobs: 0, bytes: 0 };
}

function isNamed(table: RegistryTable, digest: Digest): boolean {
  return (
    table.finds('SELECT 1 FROM registry_blobs WHERE digest = ? LIMIT 1', digest) ||
    table.finds('SELECT 1 FROM registry_manifests WHERE digest = ? LIMIT 1', digest)
  );
}

function sumOf(blobs: readonly BlobInfo[]): { readonly blobs: number; readonly bytes: number } {
  return { blobs: blobs.length, bytes: blobs.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) };
}
