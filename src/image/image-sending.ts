import type { Semaphore } from '#base/semaphore.ts';
import type { Digest } from '#oci/digest.ts';
import type { Reference } from '#oci/reference.ts';
import type { Registries } from '#registry/registry.ts';
import type { RetryPolicy } from '#registry/retry.ts';
import type { ContentReader } from '#store/content.ts';
import type { ImageTable } from './image-table.ts';

/** What it takes to send blobs and manifests to registries. */
export interface ImageSending {
  readonly registries: Registries;
  readonly retry: RetryPolicy;
  /** One a blob on its way. */
  readonly permits: Semaphore;
  readonly content: ContentReader;
  readonly table: ImageTable;
}

/**
 * Other repositories of the same registry that have this blob, as far as images tell that came from there or went
 * there: a layer that is plain here goes out compressed, always in the same way.
 */
export function repositoriesWith(
  table: ImageTable,
  { digest, diffId }: { readonly digest: Digest; readonly diffId?: Digest },
  { domain, path }: Reference,
): readonly string[] {
  const paths = [...table.allNames()].flatMap(({ reference, id }) => {
    const isElsewhere =
      reference.domain === domain && reference.path !== path && reference.digest !== undefined;
    const hasBlob =
      isElsewhere && table.get(id)?.layers.some((layer) => layer.blob === digest || layer.diffId === diffId);
    return hasBlob ? [reference.path] : [];
  });
  return [...new Set(paths)];
}
