import { type Digest } from '#oci/digest.ts';
import type { LayerCompression } from '#oci/media-types.ts';
import type { LayerStore } from '#layer/layer.ts';
import type { Lease } from '#store/content.ts';
import type { ImageLayer } from './image-record.ts';

export interface LayerIntakeOptions {
  readonly layers: LayerStore;
  readonly lease: Lease;
  /** The diff ID of a blob where an image that is here already says it. */
  readonly knownDiffId: (blob: Digest) => Digest | undefined;
  readonly signal?: AbortSignal;
}

/** Unpacks blobs and learns what they are, each once; what it makes stays protected by the lease. */
export class LayerIntake {
  readonly #options: LayerIntakeOptions;
  readonly #unpacked = new Map<Digest, Promise<ImageLayer>>();

  constructor(options: LayerIntakeOptions) {
    this.#options = options;
  }

  /** The diff ID comes from the bytes: what a manifest claims is compared with it, never believed. */
  unpack(source: { readonly blob: Digest; readonly compression: LayerCompression }): Promise<ImageLayer> {
    const running = this.#unpacked.get(source.blob);
    if (running) return running;
    const layer = this.#unpack(source.blob, source.compression);
    this.#unpacked.set(source.blob, layer);
    return layer;
  }

  async #unpack(blob: Digest, compression: LayerCompression): Promise<ImageLayer> {
    const { layers, lease, knownDiffId, signal } = this.#options;
    const known = compression === 'none' ? blob : knownDiffId(blob);
    if (known) lease.protect(known);
    const { diffId } = await layers.unpack({
      blob,
      compression,
      ...(known ? { diffId: known } : undefined),
      ...(signal ? { signal } : undefined),
    });
    lease.protect(diffId);
    return { diffId, blob, compression };
  }
}
