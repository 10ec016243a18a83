import type { Digest } from '#oci/digest.ts';
import type { Lease } from '#store/content.ts';
import type { ImageParts } from './image-parts.ts';
import type { PullLayer } from './image-pull-source.ts';
import type { ImageLayer } from './image-record.ts';
import { layerOf } from './layer-blobs.ts';

/** Layers that are here, whichever image or unfinished pull brought them. */
export class KnownLayers {
  readonly #parts: ImageParts;
  readonly #byBlob = new Map<Digest, ImageLayer>();
  readonly #byDiffId = new Map<Digest, ImageLayer>();

  constructor(parts: ImageParts) {
    this.#parts = parts;
    for (const blob of parts.layerBlobs.all()) this.#add(layerOf(blob));
    for (const { layers } of parts.table.all()) for (const layer of layers) this.#add(layer);
  }

  /**
   * The layer whose content the configuration asks for. It may have come as another blob: the diff ID says what it is,
   * and was computed here. The lease protects what is found.
   */
  async find(
    { descriptor, diffId }: Pick<PullLayer, 'descriptor' | 'diffId'>,
    lease: Lease,
  ): Promise<ImageLayer | undefined> {
    lease.protect(diffId);
    if (!this.#parts.layers.get(diffId)) return undefined;
    const same = this.#byBlob.get(descriptor.digest);
    const layer = same?.diffId === diffId ? same : this.#byDiffId.get(diffId);
    // Before it is looked for, or it could go in between.
    if (layer) lease.protect(layer.blob);
    return layer && (await this.#parts.content.stat(layer.blob)) ? layer : undefined;
  }

  #add(layer: ImageLayer | undefined): void {
    if (!layer) return;
    this.#byBlob.set(layer.blob, layer);
    this.#byDiffId.set(layer.diffId, layer);
  }
}
