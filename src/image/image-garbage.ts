/** Deletes blobs and layers that no image needs any more. */
import { isEngineError } from '#base/errors.ts';
import type { Logger } from '#base/log.ts';
import type { LayerStore } from '#layer/layer.ts';
import type { Digest } from '#oci/digest.ts';
import type { ContentStore, Leases } from '#store/content.ts';
import type { Expendable } from '#store/expendable.ts';
import { sweepBlobs } from '#store/garbage.ts';
import type { LostAndFound } from '#store/lost-and-found.ts';
import { blobsOf } from './image-record.ts';
import type { ImageTable } from './image-table.ts';
import type { LayerBlob, LayerBlobs } from './layer-blobs.ts';

export interface GarbageOptions {
  readonly table: ImageTable;
  readonly content: ContentStore;
  readonly layers: LayerStore;
  readonly leases: Leases;
  readonly expendable: Expendable;
  readonly lost: LostAndFound;
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
    const { leases, content, layerBlobs, expendable } = this.#options;
    const packed = layerBlobs.packedFrom(diffIds);
    const held = this.#held();
    const isGarbage = (digest: Digest) => !held.has(digest) && !leases.isProtected(digest);
    // A layer may also have come as its plain tar, under its own digest, to an image that had it by another blob.
    const gone = [...new Set([...blobs, ...packed, ...diffIds])].filter(isGarbage);
    expendable.note(gone);
    layerBlobs.forget(gone);
    // All at once: later, something may need again what nothing needs now.
    const removing = this.#removeLayers([...diffIds].filter(isGarbage));
    await Promise.all(gone.map((blob) => content.delete(blob)));
    const removed = await removing;
    this.#settle([...blobs, ...packed, ...diffIds], held);
    return removed;
  }

  /** A test whether a blob or a layer is an image's, or is being worked with, or is yet to be deleted. */
  ownership(): (digest: Digest) => boolean {
    const { leases, expendable } = this.#options;
    let held = this.#held();
    return (digest) => {
      if (held.has(digest) || leases.isProtected(digest) || expendable.has(digest)) return true;
      // It may have come since.
      held = this.#held();
      return held.has(digest);
    };
  }

  /** Records own them now, or they are gone; a layer under a container is noted until it is. */
  #settle(digests: readonly Digest[], held: ReadonlySet<Digest>): void {
    const { leases, layers, expendable } = this.#options;
    const isPending = (digest: Digest) =>
      leases.isProtected(digest) || (!held.has(digest) && layers.get(digest) !== undefined);
    expendable.forget(digests.filter((digest) => !isPending(digest)));
  }

  /** Tells that records of an image are about to go: what they own goes with them. */
  release({ blobs, diffIds }: Released): void {
    this.#options.expendable.note([...blobs, ...diffIds]);
  }

  /** Deletes what pulls left unfinished long ago. */
  async collectUnfinished(): Promise<void> {
    const images = this.#heldByImages();
    await this.collect(partsOf(this.#options.layerBlobs.unneeded((diffId) => images.has(diffId))));
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
    const released = partsOf(left);
    this.release(released);
    layerBlobs.forget(released.blobs);
    await this.collect(released);
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

  /**
   * Looks through everything: for the start, when nothing is in flight. What a former engine was writing or deleting
   * is deleted; what else no record owns has lost its record, and is set aside.
   */
  async collectAll(): Promise<void> {
    const { layerBlobs, expendable } = this.#options;
    const images = this.#heldByImages();
    const unneeded = partsOf(layerBlobs.unneeded((diffId) => images.has(diffId)));
    this.release(unneeded);
    layerBlobs.forget(unneeded.blobs);
    const held = this.#held();
    expendable.forget(held);
    await this.#clearLayers(held);
    await this.#clearBlobs(held);
  }

  async #clearLayers(held: ReadonlySet<Digest>): Promise<void> {
    const { layers, expendable } = this.#options;
    for (const { diffId, blob } of layers.list()) {
      if (held.has(diffId)) continue;
      if (expendable.has(diffId) || expendable.has(blob)) await this.#removeLayer(diffId);
      else this.#setLayerAside(diffId);
    }
  }

  async #clearBlobs(held: ReadonlySet<Digest>): Promise<void> {
    const { content, leases, lost, expendable, logger } = this.#options;
    let deleted = 0;
    const discard = async (digest: Digest) => {
      if (!expendable.has(digest)) lost.take('blob', content.path(digest), 'a blob that no record owns');
      else {
        await content.delete(digest);
        deleted++;
      }
    };
    const swept = await sweepBlobs({ content, leases, isReachable: (digest) => held.has(digest), discard });
    this.#settle(
      swept.map(({ digest }) => digest),
      held,
    );
    if (deleted > 0) logger.info('Deleted blobs of unfinished work', { count: deleted });
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

  /** The record of its image was lost while a container is on it: it stays with the container, and goes after it. */
  #setLayerAside(diffId: Digest): void {
    const { layers, expendable } = this.#options;
    try {
      layers.setAside(diffId);
    } catch (error) {
      if (!isEngineError(error, 'conflict')) throw error;
      expendable.note([diffId]);
    }
  }
}

function partsOf(layers: readonly LayerBlob[]): {
  readonly blobs: readonly Digest[];
  readonly diffIds: readonly Digest[];
} {
  return { blobs: layers.map(({ blob }) => blob), diffIds: layers.flatMap(({ diffId }) => diffId ?? []) };
}
