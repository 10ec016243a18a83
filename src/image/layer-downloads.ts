/** Layers on their way here: each blob once, however many pulls want it. */
import { availableParallelism } from 'node:os';
import { KeyedLock } from '#base/keyed-lock.ts';
import { Semaphore } from '#base/semaphore.ts';
import type { LayerStore } from '#layer/layer.ts';
import { SharedWork } from '#base/shared-work.ts';
import type { Digest } from '#oci/digest.ts';
import type { RetryPolicy } from '#registry/retry.ts';
import type { ContentStore, Lease, Leases } from '#store/content.ts';
import type { LayerMovement } from './image-progress.ts';
import type { ImageLayer } from './image-record.ts';
import type { ImageTable } from './image-table.ts';
import { KnownLayers } from './known-layers.ts';
import type { LayerBlobs } from './layer-blobs.ts';
import { type Downloaded, downloadLayer, type LayerSource } from './layer-download.ts';
import { LayerProgress, type ReportProgress } from './layer-progress.ts';

/** Below, a thread that waits for the rest costs more than it gains. */
const MINIMUM_FOLLOWED_BYTES = 512 * 1024;

export interface LayerDownloadsOptions {
  readonly content: ContentStore;
  readonly layers: LayerStore;
  readonly leases: Leases;
  readonly blobs: LayerBlobs;
  readonly retry: RetryPolicy;
  /** How many run at the same time, over all pulls. */
  readonly maximumDownloads: number;
}

export class LayerDownloads {
  readonly #options: LayerDownloadsOptions;
  readonly #permits: Semaphore;
  readonly #work = new SharedWork<Digest, ImageLayer>();
  readonly #locks = new KeyedLock<Digest>();
  readonly #audiences = new Map<Digest, Audience>();
  #followed = 0;

  constructor(options: LayerDownloadsOptions) {
    this.#options = options;
    this.#permits = new Semaphore(options.maximumDownloads);
  }

  /**
   * Fetches, verifies and unpacks a blob; the diff ID comes from its bytes. The caller's lease must protect the blob
   * and the diff ID it expects. Aborting keeps what has come, and stops the download if no other pull waits for it.
   *
   * @throws {EngineError} `pulled-layer-damaged`; what `registry.ts` says
   */
  async fetch(source: LayerSource, report: ReportProgress, signal: AbortSignal): Promise<ImageLayer> {
    const { digest } = source.descriptor;
    const audience = this.#audiences.get(digest) ?? new Audience();
    this.#audiences.set(digest, audience);
    using _ = audience.join(report);
    try {
      return await this.#work.do(digest, (cancelled) => this.#run(source, audience, cancelled), signal);
    } finally {
      if (audience.size === 1) this.#audiences.delete(digest);
    }
  }

  /** What is here already, of the images of `table` and of pulls that did not end. */
  knownLayers(table: ImageTable): KnownLayers {
    const { blobs, layers, content } = this.#options;
    return new KnownLayers({ table, blobs, layers, content });
  }

  /** Whether layers can be used, and made again. */
  async areHere(layers: readonly ImageLayer[]): Promise<boolean> {
    const { content, layers: store } = this.#options;
    const blobs = await Promise.all(layers.map(({ blob }) => content.stat(blob)));
    return !blobs.includes(undefined) && layers.every(({ diffId }) => store.get(diffId));
  }

  async #run(source: LayerSource, audience: Audience, signal: AbortSignal): Promise<ImageLayer> {
    const { leases, blobs } = this.#options;
    const { descriptor, compression } = source;
    const blob = descriptor.digest;
    const progress = new LayerProgress(blob, (movement) => audience.tell(movement));
    await using lease = leases.open();
    lease.protect(blob);
    const diffId = await this.#obtain(source, lease, progress, signal);
    lease.protect(diffId);
    blobs.add({ blob, compression, diffId, kind: 'fetched' });
    progress.step('completed');
    return { blob, compression, diffId };
  }

  async #obtain(
    source: LayerSource,
    lease: Lease,
    progress: LayerProgress,
    signal: AbortSignal,
  ): Promise<Digest> {
    const { digest: blob, size } = source.descriptor;
    const { unpacking } = await this.#store(source, lease, progress, signal);
    progress.step('downloaded');
    progress.bytes('extracting', size, size);
    const { compression } = source;
    const layer = await (unpacking ?? this.#options.layers.unpack({ blob, compression, signal }));
    return layer.diffId;
  }

  async #store(
    source: LayerSource,
    lease: Lease,
    progress: LayerProgress,
    signal: AbortSignal,
  ): Promise<Downloaded> {
    const { content, layers, retry, blobs } = this.#options;
    const { descriptor, compression } = source;
    // A download that was cancelled may still be putting its file away.
    using _lock = await this.#locks.acquire(descriptor.digest, signal);
    if (await content.stat(descriptor.digest)) return {};
    if (!this.#permits.isFree) progress.step('waiting');
    using _permit = await this.#permits.acquire(signal);
    const isFollowed = this.#mayFollow(source);
    if (isFollowed) this.#followed++;
    try {
      const context = { content, layers, retry, lease, progress, signal, isFollowed };
      const downloaded = await downloadLayer(source, context);
      blobs.add({ blob: descriptor.digest, compression, kind: 'fetched' });
      return downloaded;
    } finally {
      if (isFollowed) this.#followed--;
    }
  }

  /** One core is left to layers whose bytes are on disk already. */
  #mayFollow({ compression, descriptor }: LayerSource): boolean {
    if (compression === 'none' || descriptor.size < MINIMUM_FOLLOWED_BYTES) return false;
    return this.#followed < Math.max(1, availableParallelism() - 1);
  }
}

/** The listeners of one download; one that comes late is told where it is. */
class Audience {
  readonly #listeners = new Set<ReportProgress>();
  #last: LayerMovement | undefined;

  get size(): number {
    return this.#listeners.size;
  }

  join(report: ReportProgress): Disposable {
    const listener = (movement: LayerMovement) => report(movement);
    this.#listeners.add(listener);
    if (this.#last) report(this.#last);
    return { [Symbol.dispose]: () => this.#listeners.delete(listener) };
  }

  tell(movement: LayerMovement): void {
    this.#last = movement;
    for (const report of this.#listeners) report(movement);
  }
}
