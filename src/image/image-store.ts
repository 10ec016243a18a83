/** Puts the images of one engine together: every function gets the roles that it uses. */
import type { Readable } from 'node:stream';
import type { EmitEvent } from '#base/event.ts';
import type { Filters } from '#base/filters.ts';
import { type Logger, silentLogger } from '#base/log.ts';
import { Semaphore } from '#base/semaphore.ts';
import type { LayerStore } from '#layer/layer.ts';
import type { Descriptor } from '#oci/descriptor.ts';
import type { Digest } from '#oci/digest.ts';
import { familiarReference, type Reference } from '#oci/reference.ts';
import { createRegistries, type OwnedRegistries } from '#registry/registries.ts';
import type { OpenOptions, Repository } from '#registry/registry.ts';
import type { BlobInfo, ContentStore, Lease } from '#store/content.ts';
import type { Leases } from '#store/leases.ts';
import type { Metadata } from '#store/metadata.ts';
import {
  type Artifact,
  type ArtifactPush,
  type KeepingRoles,
  type KeptManifests,
  keepManifests,
  pushArtifact,
} from './artifact.ts';
import { ImageAttachments } from './image-attachments.ts';
import { commitImage } from './image-commit.ts';
import { inspectRemote } from './image-distribution.ts';
import { exploreImage } from './image-explore.ts';
import type { ImageExploration } from './image-exploration.ts';
import { ImageGarbage } from './image-garbage.ts';
import { ImageGc } from './image-gc.ts';
import { importImage } from './image-import.ts';
import { imageHistory, type LayerSize, viewOf } from './image-inspect.ts';
import { listImages } from './image-list.ts';
import { loadImages } from './image-load.ts';
import { findImage } from './image-lookup.ts';
import { ImageManifests } from './image-manifests.ts';
import { describePlatforms, findForPlatform, type PlatformDetails } from './image-platforms.ts';
import type { ImageProgress, LoadProgress, PullProgress, PushProgress } from './image-progress.ts';
import { pruneImages } from './image-prune.ts';
import type { SourceReading } from './image-pull-source.ts';
import { pullImages, type PullRoles } from './image-pull.ts';
import type { ImageDocuments } from './image-push-index.ts';
import { pushImages, type PushRoles } from './image-push.ts';
import type { ImageLayer, ImageRecord } from './image-record.ts';
import { ImageRegistrar, type NewImage } from './image-registrar.ts';
import { removeImage, type RemovalRoles } from './image-remove.ts';
import { saveImages } from './image-save.ts';
import type { ImageSending } from './image-sending.ts';
import { ImageTable } from './image-table.ts';
import { tagImage } from './image-tag.ts';
import { ImageUses } from './image-uses.ts';
import type { HistoryStep, ImagePruneReport, ImageRemoval, ImageSummary, ImageView } from './image-view.ts';
import type {
  CommitRequest,
  ImageBudget,
  ImageBudgetReport,
  ImageListQuery,
  ImageStore,
  ImageUse,
  ImportRequest,
  PlatformChoice,
  PullRequest,
  PushRequest,
  RemoveOptions,
  ResolvedImage,
} from './image.ts';
import { LayerBlobs } from './layer-blobs.ts';
import type { LayerSource } from './layer-download.ts';
import { LayerDownloads } from './layer-downloads.ts';
import { LayerPacking } from './layer-packing.ts';
import { storeLayer, storeLayerFile } from './layer-storage.ts';
import type { NewImageRoles } from './new-image-roles.ts';
import { fetchLayer, readRemoteBlob } from './remote-blobs.ts';
import type {
  IndexPush,
  IndexPushReport,
  RemoteImage,
  RemoteImageRequest,
  RemoteManifestRequest,
  RemoteManifestView,
} from './remote-image.ts';
import { inspectManifest, pushIndex } from './remote-manifests.ts';
import { WorkingSets } from './working-sets.ts';

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
  const { content, metadata, layers, leases, logger = silentLogger, heldElsewhere = () => [] } = options;
  const tables = openTables(metadata);
  const { table, layerBlobs } = tables;
  const garbage = new ImageGarbage({ table, content, layers, leases, layerBlobs, heldElsewhere, logger });
  await garbage.collectAll();
  await garbage.repair();
  const workingSets = new WorkingSets(leases, garbage, logger);
  const removal: RemovalRoles = { ...options, ...tables, garbage };
  const gc = new ImageGc({ removal, content, layers, logger }, options.budget);
  return new FileImageStore(assemble(options, { ...tables, garbage }, workingSets), gc);
}

interface Tables {
  readonly table: ImageTable;
  readonly manifests: ImageManifests;
  readonly attachments: ImageAttachments;
  readonly uses: ImageUses;
  readonly layerBlobs: LayerBlobs;
}

function openTables(metadata: Metadata): Tables {
  return {
    table: new ImageTable(metadata),
    manifests: new ImageManifests(metadata),
    attachments: new ImageAttachments(metadata),
    uses: new ImageUses(metadata),
    layerBlobs: new LayerBlobs(metadata),
  };
}

/** The roles of the domain's functions, one group a way in which images are made, moved, shown or removed. */
interface Roles {
  readonly making: NewImageRoles;
  readonly pulling: PullRoles;
  readonly pushing: PushRoles;
  readonly showing: PlatformDetails;
  readonly removal: RemovalRoles;
  readonly keeping: KeepingRoles;
}

function assemble(
  options: ImageStoreOptions,
  tables: Tables & { readonly garbage: ImageGarbage },
  workingSets: WorkingSets,
): Roles {
  const { content, layers, metadata, use, emit } = options;
  const { table, manifests, attachments, uses, layerBlobs: blobs } = tables;
  const maximumLayerBytes = options.maximumLayerBytes ?? DEFAULT_MAXIMUM_LAYER_BYTES;
  const registrar = new ImageRegistrar({ ...options, ...tables });
  const sizeOf: LayerSize = (diffId) => layers.get(diffId)?.sizeBytes ?? 0;
  const { reading, sending, downloads } = openTransfers(options, tables, maximumLayerBytes);
  const packing = new LayerPacking({ ...options, blobs });
  const documents: ImageDocuments = { manifests, attachments, content };
  return {
    making: { table, storage: { content, layers, maximumLayerBytes }, registrar, workingSets, emit },
    pulling: { reading, downloads, table, uses, registrar, workingSets, emit },
    pushing: { sending, packing, documents, registrar, workingSets, emit },
    showing: { table, manifests, content, use, sizeOf },
    removal: { ...tables, metadata, use, emit },
    keeping: { table, manifests, attachments, metadata },
  };
}

function openTransfers(
  options: ImageStoreOptions,
  { table, layerBlobs: blobs }: Tables,
  maximumLayerBytes: number,
): {
  readonly reading: SourceReading;
  readonly sending: ImageSending;
  readonly downloads: LayerDownloads;
} {
  const { content, registries = createRegistries() } = options;
  const { maximumDownloads = DEFAULT_MAXIMUM_DOWNLOADS, maximumUploads = DEFAULT_MAXIMUM_UPLOADS } = options;
  const { retry } = registries;
  return {
    reading: { registries, content, retry, maximumLayerBytes },
    sending: { registries, retry, permits: new Semaphore(maximumUploads), content, table },
    downloads: new LayerDownloads({ ...options, blobs, retry, maximumDownloads }),
  };
}

/** See {@link createImageStore}. */
export class FileImageStore implements ImageStore, AsyncDisposable {
  readonly #roles: Roles;
  readonly #gc: ImageGc;

  constructor(roles: Roles, gc: ImageGc) {
    this.#roles = roles;
    this.#gc = gc;
  }

  import(request: ImportRequest): Promise<Digest> {
    return importImage(this.#roles.making, request).finally(() => this.#gc.request());
  }

  load(
    archive: Readable,
    options: { readonly signal?: AbortSignal } = {},
  ): AsyncGenerator<LoadProgress, void> {
    return this.#thenCollect(loadImages(this.#roles.making, archive, options.signal));
  }

  pull(request: PullRequest): AsyncGenerator<PullProgress, void> {
    return this.#thenCollect(pullImages(this.#roles.pulling, request));
  }

  push(request: PushRequest): AsyncGenerator<PushProgress, void> {
    return pushImages(this.#roles.pushing, request);
  }

  commit(request: CommitRequest): Promise<Digest> {
    return commitImage(this.#roles.making, request).finally(() => this.#gc.request());
  }

  inspectRemote(request: RemoteImageRequest): Promise<RemoteImage> {
    return inspectRemote(this.#roles.pulling.reading, request);
  }

  inspectManifest(request: RemoteManifestRequest): Promise<RemoteManifestView> {
    return inspectManifest(this.#roles.pushing.sending, request);
  }

  pushIndex(request: RemoteManifestRequest, index: IndexPush): Promise<IndexPushReport> {
    return pushIndex(this.#roles.pushing.sending, request, index);
  }

  save(references: readonly string[], { platform }: PlatformChoice = {}): Promise<Readable> {
    const { workingSets, emit } = this.#roles.making;
    return saveImages({ ...this.#roles.showing, workingSets, emit }, references, platform);
  }

  /**
   * Adds an image whose layers are unpacked already: what commit and build end with.
   *
   * @throws {EngineError} `layer-count-differs`, `layer-differs`
   */
  async register(image: NewImage): Promise<Digest> {
    const { registrar, workingSets } = this.#roles.making;
    await using lease = workingSets.open();
    lease.protect(...image.layers.flatMap(({ blob, diffId }) => [blob, diffId]));
    const prepared = await registrar.prepare(image, lease);
    await registrar.register([prepared]);
    this.#gc.request();
    return prepared.record.id;
  }

  /** Protects what a build writes until it is disposed; then what nothing needs is deleted. */
  openLease(): Lease {
    return this.#roles.making.workingSets.open();
  }

  /** A layer that is in no image yet, protected by `lease`; undefined if nothing is in the tar. */
  addLayer(
    changes: Readable,
    options: { readonly lease: Lease; readonly signal?: AbortSignal },
  ): Promise<ImageLayer | undefined> {
    return storeLayer(this.#roles.making.storage, changes, options);
  }

  /** The same of a tar that is written right where it stays; see `ContentStore.putFile`. */
  addLayerFile(
    fill: (path: string) => Promise<BlobInfo>,
    options: { readonly lease: Lease; readonly signal?: AbortSignal },
  ): Promise<ImageLayer | undefined> {
    return storeLayerFile(this.#roles.making.storage, fill, options);
  }

  /** The compressed form of a layer. The caller's lease must protect the layer, and the blob at once. */
  packLayer(diffId: Digest, signal: AbortSignal): Promise<ImageLayer> {
    return this.#roles.pushing.packing.pack(diffId, signal);
  }

  /** A repository of a registry, with the engine's settings. */
  openRepository(reference: Pick<Reference, 'domain' | 'path'>, options: OpenOptions): Repository {
    return this.#roles.pushing.sending.registries.open(reference, options);
  }

  /** See `remote-blobs.ts`. */
  readRemoteBlob(repository: Repository, descriptor: Pick<Descriptor, 'digest' | 'size'>): Promise<Buffer> {
    return readRemoteBlob(this.#roles.pulling.reading.retry, repository, descriptor);
  }

  /** See `remote-blobs.ts`. */
  fetchLayer(source: LayerSource, diffId: Digest, signal: AbortSignal): Promise<ImageLayer> {
    return fetchLayer(this.#roles.pulling.downloads, source, diffId, signal);
  }

  /** See `artifact.ts`. */
  pushArtifact(artifact: Artifact, push: ArtifactPush): Promise<void> {
    return pushArtifact(this.#roles.pushing.sending, artifact, push);
  }

  /** See `artifact.ts`. */
  keepManifests(kept: KeptManifests): Promise<void> {
    return keepManifests(this.#roles.keeping, kept);
  }

  /** The layers of all images. */
  layersInUse(): ReadonlySet<string> {
    const { table } = this.#roles.showing;
    return new Set([...table.all()].flatMap(({ layers }) => layers.map(({ diffId }) => diffId)));
  }

  /** Everything about an image, for building from it. @throws {EngineError} `no-such-image` */
  record(reference: string): ImageRecord {
    const { table, uses } = this.#roles.pulling;
    const record = findImage(table, reference);
    uses.note(record.id);
    return record;
  }

  holdForUse(id: Digest): Disposable {
    return this.#roles.pulling.uses.hold(id);
  }

  noteUse(id: Digest): void {
    const { table, uses } = this.#roles.pulling;
    if (table.get(id)) uses.note(id);
  }

  get budget(): ImageBudget | undefined {
    return this.#gc.budget;
  }

  keepBudget(
    budget: ImageBudget,
    options: { readonly isDryRun: boolean; readonly signal: AbortSignal },
  ): Promise<ImageBudgetReport> {
    return this.#gc.run(budget, options);
  }

  requestCollection(): void {
    this.#gc.request();
  }

  async *#thenCollect<Progress extends ImageProgress>(
    progress: AsyncIterable<Progress>,
  ): AsyncGenerator<Progress, void> {
    try {
      yield* progress;
    } finally {
      this.#gc.request();
    }
  }

  /** Waits for what collects in the background. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#gc[Symbol.asyncDispose]();
  }

  resolve(reference: string, { platform }: PlatformChoice = {}): ResolvedImage {
    const { id, config, layers } = findForPlatform(this.#roles.showing, reference, platform);
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
  ): Promise<ImageView> {
    const image = findForPlatform(this.#roles.showing, reference, platform);
    const { table, sizeOf } = this.#roles.showing;
    // Another platform of an image has its names.
    const view = viewOf(image, table.namesOf(findImage(table, reference).id), sizeOf);
    return manifests ? { ...view, platforms: await describePlatforms(this.#roles.showing, image) } : view;
  }

  async history(reference: string, { platform }: PlatformChoice = {}): Promise<readonly HistoryStep[]> {
    const image = findForPlatform(this.#roles.showing, reference, platform);
    const { table, sizeOf } = this.#roles.showing;
    return imageHistory(image, table, sizeOf);
  }

  explore(
    reference: string,
    options: { readonly withFiles: boolean; readonly signal?: AbortSignal },
  ): Promise<ImageExploration> {
    const { table, storage, workingSets } = this.#roles.making;
    return exploreImage({ layers: storage.layers, workingSets }, findImage(table, reference), options);
  }

  async list(query: ImageListQuery): Promise<readonly ImageSummary[]> {
    return await listImages(query, this.#roles.showing);
  }

  tag(source: string, target: string): Promise<void> {
    return tagImage(this.#roles.removal, source, target);
  }

  remove(reference: string, options: RemoveOptions): Promise<readonly ImageRemoval[]> {
    return removeImage(this.#roles.removal, reference, options);
  }

  prune(filters: Filters): Promise<ImagePruneReport> {
    return pruneImages(this.#roles.removal, this.#roles.making.storage.layers, filters);
  }

  referencesOf(id: Digest): readonly string[] {
    return this.#roles.showing.table.namesOf(id).map(({ reference }) => familiarReference(reference));
  }
}
