/** Deletes blobs and layers that no image needs any more. */
import { isEngineError } from '#base/errors.ts';
import type { Logger } from '#base/log.ts';
import type { LayerStore } from '#layer/layer.ts';
import type { Digest } from '#oci/digest.ts';
import type { ContentStore } from '#store/content.ts';
import { sweepBlobs } from '#store/garbage.ts';
import type { Leases } from '#store/leases.ts';
import { blobsOf } from './image-record.ts';
import type { ImageTable } from './image-table.ts';
import type { LayerBlobs } from './layer-blobs.ts';

export interface GarbageOptions {
  readonly table: ImageTable;
  readonly content: ContentStore;
  readonly layers: LayerStore;
  readonly leases: Leases;
  readonly layerBlobs: LayerBlobs;
  /** Blobs and layers that others than images need. */
  readonly heldElsewhere: () => Iterable<Digest>;
  readonly logger: Logger;
}

/** What may have lost its last holder. */
export interface Released {
  readonly blobs: Iterable<Digest>;
  readonly diffIds: Iterable<Digest>;
}

export class ImageGarbage {
  readonly #options: GarbageOptions;

  constructor(options: GarbageOptions) {
    this.#options = options;
  }

  /** Deletes those of the given blobs and layers that nothing needs. @returns the layers that are gone */
  async collect({ blobs, diffIds }: Released): Promise<ReadonlySet<Digest>> {
    const { leases, content, layerBlobs } = this.#options;
    const packed = layerBlobs.packedFrom(diffIds);
    const held = this.#held();
    const isGarbage = (digest: Digest) => !held.has(digest) && !leases.isProtected(digest);
    // A layer may also have come as its plain tar, under its own digest, to an image that had it by another blob.
    const gone = [...new Set([...blobs, ...packed, ...diffIds])].filter(isGarbage);
    layerBlobs.forget(gone);
    // All at once: later, something may need again what nothing needs now.
    const removing = this.#removeLayers([...diffIds].filter(isGarbage));
    await Promise.all(gone.map((blob) => content.delete(blob)));
    return await removing;
  }

  /** Deletes what pulls left unfinished long ago. */
  async collectUnfinished(): Promise<void> {
    const images = this.#heldByImages();
    const unneeded = this.#options.layerBlobs.unneeded((diffId) => images.has(diffId));
    await this.collect({
      blobs: unneeded.map(({ blob }) => blob),
      diffIds: unneeded.flatMap(({ diffId }) => diffId ?? []),
    });
  }

  /**
   * Deletes all that pulls left unfinished and none continues now.
   *
   * @returns bytes of what was not unpacked yet; layers beside
   */
  async giveUpUnfinished(): Promise<number> {
    const { layerBlobs, leases, content } = this.#options;
    const sizes = new Map<Digest, number>();
    for (const { blob, diffId } of layerBlobs.unfinished())
      if (!diffId) sizes.set(blob, (await content.stat(blob))?.sizeBytes ?? 0);
    // From here on no pull may come between.
    const left = layerBlobs.unfinished().filter(({ blob }) => !leases.isProtected(blob));
    layerBlobs.forget(left.map(({ blob }) => blob));
    await this.collect({
      blobs: left.map(({ blob }) => blob),
      diffIds: left.flatMap(({ diffId }) => diffId ?? []),
    });
    const blobBytes = left.reduce((sum, { blob }) => sum + (sizes.get(blob) ?? 0), 0);
    return blobBytes + (await content.discardUnfinished());
  }

  /** Makes again from their blobs the layers that images have lost (another kernel, a damaged disk). */
  async repair(): Promise<void> {
    const { table, layers, logger } = this.#options;
    for (const image of table.all())
      for (const { diffId, blob, compression } of image.layers) {
        if (layers.get(diffId)) continue;
        await layers.unpack({ diffId, blob, compression }).catch((error: unknown) => {
          logger.error('Cannot restore a layer', { image: image.id, layer: diffId, error });
        });
      }
  }

  /** Looks through everything: for the start, when nothing is in flight. */
  async collectAll(): Promise<void> {
    const { layers, content, leases, logger, layerBlobs } = this.#options;
    const images = this.#heldByImages();
    layerBlobs.forget(layerBlobs.unneeded((diffId) => images.has(diffId)).map(({ blob }) => blob));
    const held = this.#held();
    await this.#removeLayers(
      layers
        .list()
        .map(({ diffId }) => diffId)
        .filter((diffId) => !held.has(diffId)),
    );
    const deleted = await sweepBlobs({ content, leases, isReachable: (digest) => held.has(digest) });
    if (deleted.length > 0) logger.info('Deleted blobs of unfinished work', { count: deleted.length });
  }

  /**
   * Blobs and diff IDs of all images and unfinished pulls: both are digests, and no digest is garbage as one and not as
   * the other.
   */
  #held(): ReadonlySet<Digest> {
    const held = this.#heldByImages();
    const unfinished = this.#options.layerBlobs.held((diffId) => held.has(diffId));
    for (const digest of unfinished) held.add(digest);
    return held;
  }

  #heldByImages(): Set<Digest> {
    const held = new Set<Digest>();
    for (const image of this.#options.table.all()) {
      for (const blob of blobsOf(image)) held.add(blob);
      for (const { diffId } of image.layers) held.add(diffId);
    }
    for (const digest of this.#options.heldElsewhere()) held.add(digest);
    return held;
  }

  async #removeLayers(diffIds: readonly Digest[]): Promise<ReadonlySet<Digest>> {
    const removed = await Promise.all(diffIds.map((diffId) => this.#removeLayer(diffId)));
    return new Set(removed.filter((diffId) => diffId !== undefined));
  }

  /** A layer under a container stays until the container is gone. */
  async #removeLayer(diffId: Digest): Promise<Digest | undefined> {
    try {
      await this.#options.layers.remove(diffId);
      return diffId;
    } catch (error) {
      if (isEngineError(error, 'conflict') || isEngineError(error, 'not-found')) return undefined;
      throw error;
    }
  }
}
