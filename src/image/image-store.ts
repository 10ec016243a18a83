import type { Readable } from 'node:stream';
import { EngineError } from '#base/errors.ts';
import { type Logger, silentLogger } from '#base/log.ts';
import { Semaphore } from '#base/semaphore.ts';
import type { LayerStore } from '#layer/layer.ts';
import type { Descriptor } from '#oci/descriptor.ts';
import type { Digest } from '#oci/digest.ts';
import { familiarReference, parseReference, type Reference, withDefaultTag } from '#oci/reference.ts';
import { createRegistries, type OwnedRegistries } from '#registry/registries.ts';
import type { OpenOptions, Repository } from '#registry/registry.ts';
import type { BlobInfo, ContentStore, Lease } from '#store/content.ts';
import type { Leases } from '#store/leases.ts';
import type { Metadata } from '#store/metadata.ts';
import type { DistributionInspect } from '#wire/distribution.ts';
import type { EmitEvent } from '#base/event.ts';
import type { ImageExploration } from '#wire/explore.ts';
import type { Filters } from '#base/filters.ts';
import type {
  HistoryEntry,
  ImageDeletion,
  ImageInspect,
  ImageSummary,
  ProgressMessage,
} from '#wire/image.ts';
import type { ImageGcReport } from '#wire/image-gc.ts';
import type { IndexPush, IndexPushed, ManifestInspect } from '#wire/manifest.ts';
import {
  type Artifact,
  type ArtifactPush,
  type KeptManifests,
  keepManifests,
  pushArtifact,
} from './artifact.ts';
import { commitImage, storeLayer, storeLayerFile } from './image-commit.ts';
import { type DistributionRequest, inspectRemote } from './image-distribution.ts';
import { emitImageEvent } from './image-events.ts';
import { exploreImage } from './image-explore.ts';
import { ImageAttachments } from './image-attachments.ts';
import type { ImageBudget } from './image-budget.ts';
import { ImageGarbage } from './image-garbage.ts';
import { ImageGc } from './image-gc.ts';
import { importImage } from './image-import.ts';
import { imageHistory, inspectImage, type LayerSize } from './image-inspect.ts';
import { listImages } from './image-list.ts';
import { loadImages } from './image-load.ts';
import { findImage } from './image-lookup.ts';
import { ImageManifests } from './image-manifests.ts';
import { type ImageParts, WorkingSet } from './image-parts.ts';
import { describePlatforms, findForPlatform } from './image-platforms.ts';
import { type PruneReport, pruneImages } from './image-prune.ts';
import { pullImages } from './image-pull.ts';
import { pushImages } from './image-push.ts';
import type { ImageLayer, ImageRecord } from './image-record.ts';
import { type NewImage, prepareImage, registerImages } from './image-register.ts';
import { type RemoveOptions, removeImage } from './image-remove.ts';
import { saveImages } from './image-save.ts';
import { ImageTable } from './image-table.ts';
import { ImageUses } from './image-uses.ts';
import type {
  CommitRequest,
  ImageListQuery,
  ImageStore,
  ImageUse,
  PlatformChoice,
  ImportRequest,
  PullRequest,
  PushRequest,
  ResolvedImage,
} from './image.ts';
import { LayerBlobs } from './layer-blobs.ts';
import type { LayerSource } from './layer-download.ts';
import { LayerDownloads } from './layer-downloads.ts';
import { LayerPacking } from './layer-packing.ts';
import { fetchLayer, readRemoteBlob } from './remote-blobs.ts';
import { inspectManifest, pushIndex, type RemoteRequest } from './remote-manifests.ts';

export { imageMigrations } from './image-migrations.ts';

const DEFAULT_MAXIMUM_LAYER_BYTES = 64 * 2 ** 30;
/** More than Docker's three: unpacking, not the network, is what takes a core each. */
const DEFAULT_MAXIMUM_DOWNLOADS = 8;
const DEFAULT_MAXIMUM_UPLOADS = 5;

export interface ImageStoreOptions {
  readonly content: ContentStore;
  /** Migrated with {@link imageMigrations}. */
  readonly metadata: Metadata;
  readonly layers: LayerStore;
  readonly leases: Leases;
  /** Blobs and layers that others than images need: those of the build cache. */
  readonly heldElsewhere?: () => Iterable<Digest>;
  readonly use: ImageUse;
  readonly emit: EmitEvent;
  readonly logger?: Logger;
  /** Refuse larger blobs; the layer store has its own limit for what comes out of them. Default: 64 GiB. */
  readonly maximumLayerBytes?: number;
  /** The caller disposes it. */
  readonly registries?: OwnedRegistries;
  /** Layers that are downloaded at the same time. */
  readonly maximumDownloads?: number;
  /** Blobs that are uploaded at the same time. */
  readonly maximumUploads?: number;
  /** What images may take; absent: whatever there is. */
  readonly budget?: ImageBudget;
}

/**
 * Opens the images of one engine, once its layers and snapshots are open: what a crash left half done, and what
 * nothing needs, is deleted first.
 */
export async function createImageStore(options: ImageStoreOptions): Promise<FileImageStore> {
  const { content, layers, leases, logger = silentLogger, heldElsewhere = () => [] } = options;
  const table = new ImageTable(options.metadata);
  const layerBlobs = new LayerBlobs(options.metadata);
  const garbage = new ImageGarbage({ table, content, layers, leases, layerBlobs, heldElsewhere, logger });
  await garbage.collectAll();
  await garbage.repair();
  const maximumLayerBytes = options.maximumLayerBytes ?? DEFAULT_MAXIMUM_LAYER_BYTES;
  const registries = options.registries ?? createRegistries();
  const { retry } = registries;
  const { maximumDownloads = DEFAULT_MAXIMUM_DOWNLOADS } = options;
  return new FileImageStore(
    {
      ...options,
      table,
      manifests: new ImageManifests(options.metadata),
      attachments: new ImageAttachments(options.metadata),
      uses: new ImageUses(options.metadata),
      layerBlobs,
      garbage,
      registries,
      registryRetry: retry,
      downloads: new LayerDownloads({ content, layers, leases, blobs: layerBlobs, retry, maximumDownloads }),
      packing: new LayerPacking({ content, layers, leases, blobs: layerBlobs }),
      uploads: new Semaphore(options.maximumUploads ?? DEFAULT_MAXIMUM_UPLOADS),
      logger,
      maximumLayerBytes,
    },
    options.budget,
  );
}

/** See {@link createImageStore}. */
export class FileImageStore implements ImageStore, AsyncDisposable {
  readonly #parts: ImageParts;
  readonly #gc: ImageGc;
  readonly #sizeOf: LayerSize;

  constructor(parts: ImageParts, budget?: ImageBudget) {
    this.#parts = parts;
    this.#gc = new ImageGc(parts, budget);
    this.#sizeOf = (diffId) => parts.layers.get(diffId)?.sizeBytes ?? 0;
  }

  import(request: ImportRequest): Promise<Digest> {
    return importImage(this.#parts, request).finally(() => this.#gc.request());
  }

  load(
    archive: Readable,
    options: { readonly signal?: AbortSignal } = {},
  ): AsyncGenerator<ProgressMessage, void> {
    return this.#thenCollect(loadImages(this.#parts, archive, options.signal));
  }

  pull(request: PullRequest): AsyncGenerator<ProgressMessage, void> {
    return this.#thenCollect(pullImages(this.#parts, request));
  }

  push(request: PushRequest): AsyncGenerator<ProgressMessage, void> {
    return pushImages(this.#parts, request);
  }

  commit(request: CommitRequest): Promise<Digest> {
    return commitImage(this.#parts, request).finally(() => this.#gc.request());
  }

  inspectRemote(request: DistributionRequest): Promise<DistributionInspect> {
    return inspectRemote(this.#parts, request);
  }

  inspectManifest(request: RemoteRequest): Promise<ManifestInspect> {
    return inspectManifest(this.#parts, request);
  }

  pushIndex(request: RemoteRequest, index: IndexPush): Promise<IndexPushed> {
    return pushIndex(this.#parts, request, index);
  }

  save(references: readonly string[], { platform }: PlatformChoice = {}): Promise<Readable> {
    return saveImages(this.#parts, references, platform);
  }

  /**
   * Adds an image whose layers are unpacked already: what commit and build end with.
   *
   * @throws {EngineError} `invalid` if configuration and layers do not belong together
   */
  async register(image: NewImage): Promise<Digest> {
    await using work = new WorkingSet(this.#parts);
    work.lease.protect(...image.layers.flatMap(({ blob, diffId }) => [blob, diffId]));
    const record = await prepareImage(image, this.#parts, work.lease);
    await registerImages([{ image, record }], this.#parts);
    this.#gc.request();
    return record.id;
  }

  /** Protects what a build writes until it is disposed; then what nothing needs is deleted. */
  openLease(): Lease {
    return new WorkingSet(this.#parts).lease;
  }

  /** A layer that is in no image yet, protected by `lease`; undefined if nothing is in the tar. */
  addLayer(
    changes: Readable,
    options: { readonly lease: Lease; readonly signal?: AbortSignal },
  ): Promise<ImageLayer | undefined> {
    return storeLayer(this.#parts, changes, options);
  }

  /** The same of a tar that is written right where it stays; see `ContentStore.putFile`. */
  addLayerFile(
    fill: (path: string) => Promise<BlobInfo>,
    options: { readonly lease: Lease; readonly signal?: AbortSignal },
  ): Promise<ImageLayer | undefined> {
    return storeLayerFile(this.#parts, fill, options);
  }

  /** The compressed form of a layer. The caller's lease must protect the layer, and the blob at once. */
  packLayer(diffId: Digest, signal: AbortSignal): Promise<ImageLayer> {
    return this.#parts.packing.pack(diffId, signal);
  }

  /** A repository of a registry, with the engine's settings. */
  openRepository(reference: Pick<Reference, 'domain' | 'path'>, options: OpenOptions): Repository {
    return this.#parts.registries.open(reference, options);
  }

  /** See `remote-blobs.ts`. */
  readRemoteBlob(repository: Repository, descriptor: Pick<Descriptor, 'digest' | 'size'>): Promise<Buffer> {
    return readRemoteBlob(this.#parts, repository, descriptor);
  }

  /** See `remote-blobs.ts`. */
  fetchLayer(source: LayerSource, diffId: Digest, signal: AbortSignal): Promise<ImageLayer> {
    return fetchLayer(this.#parts, source, diffId, signal);
  }

  /** See `artifact.ts`. */
  pushArtifact(artifact: Artifact, push: ArtifactPush): Promise<void> {
    return pushArtifact(this.#parts, artifact, push);
  }

  /** See `artifact.ts`. */
  keepManifests(kept: KeptManifests): Promise<void> {
    return keepManifests(this.#parts, kept);
  }

  /** The layers of all images. */
  layersInUse(): ReadonlySet<string> {
    return new Set([...this.#parts.table.all()].flatMap(({ layers }) => layers.map(({ diffId }) => diffId)));
  }

  /** Everything about an image, for building from it. @throws {EngineError} `not-found` */
  record(reference: string): ImageRecord {
    const record = findImage(this.#parts.table, reference);
    this.#parts.uses.note(record.id);
    return record;
  }

  holdForUse(id: Digest): Disposable {
    return this.#parts.uses.hold(id);
  }

  noteUse(id: Digest): void {
    if (this.#parts.table.get(id)) this.#parts.uses.note(id);
  }

  get budget(): ImageBudget | undefined {
    return this.#gc.budget;
  }

  keepBudget(budget: ImageBudget, { isDryRun }: { readonly isDryRun: boolean }): Promise<ImageGcReport> {
    return this.#gc.run(budget, isDryRun);
  }

  requestCollection(): void {
    this.#gc.request();
  }

  async *#thenCollect(messages: AsyncIterable<ProgressMessage>): AsyncGenerator<ProgressMessage, void> {
    try {
      yield* messages;
    } finally {
      this.#gc.request();
    }
  }

  /** Waits for what collects in the background. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#gc[Symbol.asyncDispose]();
  }

  resolve(reference: string, { platform }: PlatformChoice = {}): ResolvedImage {
    const { id, config, layers } = findForPlatform(this.#parts, reference, platform);
    return {
      id,
      layers: layers.map(({ diffId }) => diffId),
      config: config.config,
      os: config.os || 'linux',
      architecture: config.architecture,
      ...(config.variant ? { variant: config.variant } : undefined),
    };
  }

  async inspect(
    reference: string,
    { platform, manifests }: PlatformChoice & { readonly manifests?: boolean } = {},
  ): Promise<ImageInspect> {
    const image = findForPlatform(this.#parts, reference, platform);
    const { table } = this.#parts;
    // Another platform of an image has its names.
    const inspected = inspectImage(image, table.namesOf(findImage(table, reference).id), this.#sizeOf);
    if (!manifests) return inspected;
    return { ...inspected, ...(await describePlatforms(this.#parts, image, this.#sizeOf)) };
  }

  async history(reference: string, { platform }: PlatformChoice = {}): Promise<readonly HistoryEntry[]> {
    const image = findForPlatform(this.#parts, reference, platform);
    return imageHistory(image, this.#parts.table, this.#sizeOf);
  }

  explore(
    reference: string,
    options: { readonly withFiles: boolean; readonly signal?: AbortSignal },
  ): Promise<ImageExploration> {
    return exploreImage(this.#parts, findImage(this.#parts.table, reference), options);
  }

  async list(query: ImageListQuery): Promise<readonly ImageSummary[]> {
    return listImages(query, this.#parts, this.#sizeOf);
  }

  async tag(source: string, target: string): Promise<void> {
    const { table, metadata, emit } = this.#parts;
    const image = findImage(table, source);
    const reference = withDefaultTag(parseReference(target));
    if (reference.digest)
      throw new EngineError('invalid', 'refusing to create a tag with a digest reference');
    if (reference.path === 'library/sha256')
      throw new EngineError('invalid', 'refusing to create an ambiguous tag using digest algorithm as name');
    table.add([], [{ reference, id: image.id }]);
    await metadata.durable();
    emitImageEvent(emit, 'tag', image, familiarReference(reference));
  }

  remove(reference: string, options: RemoveOptions): Promise<readonly ImageDeletion[]> {
    return removeImage(this.#parts, reference, options);
  }

  async prune(filters: Filters): Promise<PruneReport> {
    const report = await pruneImages(this.#parts, filters, this.#sizeOf);
    const attributes = { reclaimed: String(report.spaceReclaimed) };
    this.#parts.emit({ type: 'image', action: 'prune', id: '', attributes });
    return report;
  }

  referencesOf(id: Digest): readonly string[] {
    return this.#parts.table.namesOf(id).map(({ reference }) => familiarReference(reference));
  }
}
