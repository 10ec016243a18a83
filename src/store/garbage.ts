/** Garbage collection: what no root reaches and no lease protects is deleted. */
import type { Digest } from '#oci/digest.ts';
import type { BlobInfo, ContentStore, Leases } from './content.ts';

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
