import type { LayerStore } from '#layer/layer.ts';
import type { Digest } from '#oci/digest.ts';
import type { ContentStore, Lease } from '#store/content.ts';
import type { PullLayer } from './image-pull-source.ts';
import type { ImageLayer } from './image-record.ts';
import type { ImageTable } from './image-table.ts';
import { type LayerBlobs, layerOf } from './layer-blobs.ts';

export interface KnownLayersRoles {
  readonly table: ImageTable;
  readonly blobs: LayerBlobs;
  readonly layers: LayerStore;
  readonly content: ContentStore;
}

/** Layers that are here, whichever image or unfinished pull brought them. */
export class KnownLayers {
  readonly #roles: KnownLayersRoles;
  readonly #byBlob = new Map<Digest, ImageLayer>();
  readonly #byDiffId = new Map<Digest, ImageLayer>();

  constructor(roles: KnownLayersRoles) {
    this.#roles = roles;
    for (const blob of roles.blobs.all()) this.#add(layerOf(blob));
    for (const { layers } of roles.table.all()) for (const layer of layers) this.#add(layer);
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
    if (!this.#roles.layers.get(diffId)) return undefined;
    const same = this.#byBlob.get(descriptor.digest);
    const layer = same?.diffId === diffId ? same : this.#byDiffId.get(diffId);
    // Before it is looked for, or it could go in between.
    if (layer) lease.protect(layer.blob);
    return layer && (await this.#roles.content.stat(layer.blob)) ? layer : undefined;
  }

  #add(layer: ImageLayer | undefined): void {
    if (!layer) return;
    this.#byBlob.set(layer.blob, layer);
    this.#byDiffId.set(layer.diffId, layer);
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
