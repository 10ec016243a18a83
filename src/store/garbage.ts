/** Garbage collection: what no root reaches and no lease protects is deleted. */
import type { Digest } from '#oci/digest.ts';
import type { BlobInfo, ContentStore } from './content.ts';
import type { Leases } from './leases.ts';

/**
 * Everything that the roots reach, themselves included. Cycles are harmless.
 *
 * @param references the digests that the content of `digest` names
 */
export function markReachable(
  roots: Iterable<Digest>,
  references: (digest: Digest) => Iterable<Digest>,
): ReadonlySet<Digest> {
  const reached = new Set<Digest>();
  const pending = [...roots];
  for (let digest = pending.pop(); digest !== undefined; digest = pending.pop()) {
    if (reached.has(digest)) continue;
    reached.add(digest);
    pending.push(...references(digest));
  }
  return reached;
}

export interface SweepRequest {
  readonly content: ContentStore;
  readonly leases: Leases;
  /** What to keep; asked again for each blob, right before it would go. */
  readonly isReachable: (digest: Digest) => boolean;
}

/** Deletes every blob that is neither reachable nor protected. @returns what was deleted */
export async function sweepBlobs(request: SweepRequest): Promise<readonly BlobInfo[]> {
  const deleted: BlobInfo[] = [];
  for await (const blob of request.content.list()) {
    if (request.isReachable(blob.digest) || request.leases.isProtected(blob.digest)) continue;
    await request.content.delete(blob.digest);
    deleted.push(blob);
  }
  return deleted;
}
