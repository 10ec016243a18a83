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
  /** What to do with the others; by default they are deleted. */
  readonly discard?: (digest: Digest) => Promise<void>;
}

/** Discards every blob that is neither reachable nor protected. @returns what was discarded */
export async function sweepBlobs(request: SweepRequest): Promise<readonly BlobInfo[]> {
  const { content, leases, isReachable } = request;
  const discard = request.discard ?? ((digest) => content.delete(digest));
  const discarded: BlobInfo[] = [];
  for await (const blob of content.list()) {
    if (isReachable(blob.digest) || leases.isProtected(blob.digest)) continue;
    await discard(blob.digest);
    discarded.push(blob);
  }
  return discarded;
}
