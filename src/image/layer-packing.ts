/** Layers that are here without compression, compressed for registries: once, and remembered. */
import type { LayerStore } from '#layer/layer.ts';
import { SharedWork } from '#base/shared-work.ts';
import type { Digest } from '#oci/digest.ts';
import type { ContentStore, Leases } from '#store/content.ts';
import type { ImageLayer } from './image-record.ts';
import type { LayerBlobs } from './layer-blobs.ts';

export interface LayerPackingOptions {
  readonly content: ContentStore;
  readonly layers: LayerStore;
  readonly leases: Leases;
  readonly blobs: LayerBlobs;
}

/** Bytes of the layer without compression. */
type ReportPacked = (doneBytes: number, totalBytes: number) => void;

interface PackOptions {
  readonly signal: AbortSignal;
  readonly onProgress?: ReportPacked;
}

export class LayerPacking {
  readonly #options: LayerPackingOptions;
  readonly #work = new SharedWork<Digest, ImageLayer>();
  readonly #watchers = new Map<ReportPacked, Digest>();

  constructor(options: LayerPackingOptions) {
    this.#options = options;
  }

  /**
   * The compressed form of a layer, made if it is not there. The caller's lease must protect the layer; the new blob
   * is kept as long as an image has the layer. The last caller to abort waits for the end, so that nothing holds the
   * layer when its lease ends.
   */
  async pack(diffId: Digest, { signal, onProgress }: PackOptions): Promise<ImageLayer> {
    const known = await this.#known(diffId);
    if (known) return known;
    using _ = this.#watch(diffId, onProgress);
    return await this.#work.doToEnd(diffId, (cancelled) => this.#pack(diffId, cancelled), signal);
  }

  /** Every caller is told of the one work. */
  #watch(diffId: Digest, watcher: ReportPacked | undefined): Disposable {
    if (watcher) this.#watchers.set(watcher, diffId);
    return { [Symbol.dispose]: () => watcher && this.#watchers.delete(watcher) };
  }

  async #known(diffId: Digest): Promise<ImageLayer | undefined> {
    const { blobs, content } = this.#options;
    for (const blob of blobs.packedFrom([diffId])) {
      if (await content.stat(blob)) return { diffId, blob, compression: 'gzip' };
    }
    return undefined;
  }

  async #pack(diffId: Digest, signal: AbortSignal): Promise<ImageLayer> {
    const { content, layers, leases, blobs } = this.#options;
    signal.throwIfAborted();
    await using lease = leases.open();
    lease.protect(diffId);
    const onProgress: ReportPacked = (doneBytes, totalBytes) => {
      for (const [watcher, watched] of this.#watchers) if (watched === diffId) watcher(doneBytes, totalBytes);
    };
    const fill = (path: string) => layers.writeGzip(diffId, path, { signal, onProgress });
    const { digest: blob } = await content.putFile(`pack ${diffId}`, fill, lease);
    blobs.add({ blob, diffId, compression: 'gzip', kind: 'packed' });
    return { diffId, blob, compression: 'gzip' };
  }
}
