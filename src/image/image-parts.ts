/** What the parts of the image store share. */
import type { Logger } from '#base/log.ts';
import type { Semaphore } from '#base/semaphore.ts';
import type { LayerStore } from '#layer/layer.ts';
import type { Digest } from '#oci/digest.ts';
import type { ContentStore, Lease } from '#store/content.ts';
import type { Leases } from '#store/leases.ts';
import type { Metadata } from '#store/metadata.ts';
import type { EmitEvent } from '#base/event.ts';
import type { Registries } from '#registry/registry.ts';
import type { RetryPolicy } from '#registry/retry.ts';
import type { ImageGarbage } from './image-garbage.ts';
import type { ImageAttachments } from './image-attachments.ts';
import type { ImageManifests } from './image-manifests.ts';
import type { ImageTable } from './image-table.ts';
import type { ImageUses } from './image-uses.ts';
import type { ImageUse } from './image.ts';
import type { LayerBlobs } from './layer-blobs.ts';
import type { LayerDownloads } from './layer-downloads.ts';
import type { LayerPacking } from './layer-packing.ts';

export interface ImageParts {
  readonly table: ImageTable;
  readonly manifests: ImageManifests;
  readonly attachments: ImageAttachments;
  readonly uses: ImageUses;
  readonly layerBlobs: LayerBlobs;
  readonly content: ContentStore;
  readonly metadata: Metadata;
  readonly layers: LayerStore;
  readonly leases: Leases;
  readonly garbage: ImageGarbage;
  readonly registries: Registries;
  readonly registryRetry: RetryPolicy;
  readonly downloads: LayerDownloads;
  readonly packing: LayerPacking;
  /** One permit a blob on its way to a registry. */
  readonly uploads: Semaphore;
  readonly use: ImageUse;
  readonly emit: EmitEvent;
  readonly logger: Logger;
  /** Refuse larger blobs and layers. */
  readonly maximumLayerBytes: number;
}

/**
 * Protects what an operation writes while it runs; when it ends, what did not become part of an image is deleted.
 */
export class WorkingSet implements AsyncDisposable {
  readonly lease: Lease;
  readonly #garbage: ImageGarbage;
  readonly #logger: Logger;
  readonly #inner: Lease;
  readonly #touched = new Set<Digest>();

  constructor({ leases, garbage, logger }: Pick<ImageParts, 'leases' | 'garbage' | 'logger'>) {
    this.#garbage = garbage;
    this.#logger = logger;
    this.#inner = leases.open();
    this.lease = {
      id: this.#inner.id,
      protect: (...digests) => {
        for (const digest of digests) this.#touched.add(digest);
        this.#inner.protect(...digests);
      },
      [Symbol.asyncDispose]: () => this[Symbol.asyncDispose](),
    };
  }

  /** Never throws: an error here would hide why the operation failed; the next start clears what stays. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#inner[Symbol.asyncDispose]();
    try {
      await this.#garbage.collect({ blobs: this.#touched, diffIds: this.#touched });
    } catch (error) {
      this.#logger.warn('Cannot delete what an operation left', { error });
    }
  }
}

/** The diff ID that an image says a blob has. */
export function knownDiffIds(table: ImageTable): (blob: Digest) => Digest | undefined {
  let known: ReadonlyMap<Digest, Digest> | undefined;
  return (blob) => {
    known ??= new Map(
      [...table.all()].flatMap(({ layers }) =>
        layers.map(({ blob, diffId }): [Digest, Digest] => [blob, diffId]),
      ),
    );
    return known.get(blob);
  };
}
