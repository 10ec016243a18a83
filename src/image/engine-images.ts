import type { Readable } from 'node:stream';
import type { Filters } from '#base/filters.ts';
import type { Descriptor } from '#oci/descriptor.ts';
import type { Digest } from '#oci/digest.ts';
import { familiarReference, type Reference } from '#oci/reference.ts';
import type { OpenOptions, Repository } from '#registry/registry.ts';
import type { BlobInfo, Lease } from '#store/content.ts';
import {
  type Artifact,
  type ArtifactPush,
  type KeepingRoles,
  type KeptManifests,
  keepManifests,
  pushArtifact,
} from './artifact.ts';
import { listAttestations } from './image-attestations.ts';
import { commitImage } from './image-commit.ts';
import { inspectRemote } from './image-distribution.ts';
import { exploreImage } from './image-explore.ts';
import type { ImageExploration } from './image-exploration.ts';
import { ImageGc } from './image-gc.ts';
import { importImage } from './image-import.ts';
import { imageHistory, viewOf } from './image-inspect.ts';
import { listImages } from './image-list.ts';
import { loadImages } from './image-load.ts';
import { descendantsOf, findImage } from './image-lookup.ts';
import {
  describeManifest,
  describeManifests,
  describeTarget,
  findForPlatform,
  type PlatformDetails,
} from './image-platforms.ts';
import type { ImageProgress, LoadProgress, PullProgress, PushProgress } from './image-progress.ts';
import { pruneImages } from './image-prune.ts';
import { pullImages, type PullRoles } from './image-pull.ts';
import { pushImages, type PushRoles } from './image-push.ts';
import type { ImageLayer, ImageRecord } from './image-record.ts';
import type { NewImage } from './image-registrar.ts';
import { removeImage, type RemovalRoles } from './image-remove.ts';
import { saveImages } from './image-save.ts';
import { tagImage } from './image-tag.ts';
import type {
  Attestation,
  AttestationQuery,
  HistoryStep,
  ImagePruneReport,
  ImageRemoval,
  ImageSummary,
  ImageView,
} from './image-view.ts';
import type {
  CommitRequest,
  ImageBudget,
  ImageBudgetReport,
  ImageListQuery,
  ImportRequest,
  LoadOptions,
  PlatformChoice,
  PlatformsChoice,
  PullRequest,
  PushRequest,
  RemoveOptions,
  ResolvedImage,
} from './image.ts';
import type { LayerSource } from './layer-download.ts';
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
import type { ImageUpkeep, OwnedImages } from './owned-images.ts';

/** The roles of the domain's functions, one group a way in which images are made, moved, shown or removed. */
export interface ImageRoles {
  readonly making: NewImageRoles;
  readonly pulling: PullRoles;
  readonly pushing: PushRoles;
  readonly showing: PlatformDetails;
  readonly removal: RemovalRoles;
  readonly keeping: KeepingRoles;
}

/** See {@link OwnedImages}: hands what is asked of images to the file that does it, with the roles that it uses. */
export class EngineImages implements OwnedImages {
  readonly #roles: ImageRoles;
  readonly #gc: ImageGc;

  readonly upkeep: ImageUpkeep = {
    ownership: () => this.#roles.removal.garbage.ownership(),
    records: () => [...this.#roles.removal.table.all()],
  };

  constructor(roles: ImageRoles, gc: ImageGc) {
    this.#roles = roles;
    this.#gc = gc;
  }

  import(request: ImportRequest): Promise<Digest> {
    return importImage(this.#roles.making, request).finally(() => this.#gc.request());
  }

  load(archive: Readable, options: LoadOptions = {}): AsyncGenerator<LoadProgress, void> {
    return this.#thenCollect(loadImages(this.#roles.making, archive, options));
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

  save(references: readonly string[], { platforms = [] }: PlatformsChoice = {}): Promise<Readable> {
    const { workingSets, emit } = this.#roles.making;
    return saveImages({ ...this.#roles.showing, workingSets, emit }, references, platforms);
  }

  async register(image: NewImage): Promise<Digest> {
    const { registrar, workingSets } = this.#roles.making;
    await using lease = workingSets.open();
    lease.protect(...image.layers.flatMap(({ blob, diffId }) => [blob, diffId]));
    const prepared = await registrar.prepare(image, lease);
    await registrar.register([prepared]);
    this.#gc.request();
    return prepared.record.id;
  }

  openLease(): Lease {
    return this.#roles.making.workingSets.open();
  }

  addLayer(
    changes: Readable,
    options: { readonly lease: Lease; readonly signal?: AbortSignal },
  ): Promise<ImageLayer | undefined> {
    return storeLayer(this.#roles.making.storage, changes, options);
  }

  addLayerFile(
    fill: (path: string) => Promise<BlobInfo>,
    options: { readonly lease: Lease; readonly signal?: AbortSignal },
  ): Promise<ImageLayer | undefined> {
    return storeLayerFile(this.#roles.making.storage, fill, options);
  }

  packLayer(diffId: Digest, signal: AbortSignal): Promise<ImageLayer> {
    return this.#roles.pushing.packing.pack(diffId, { signal });
  }

  openRepository(reference: Pick<Reference, 'domain' | 'path'>, options: OpenOptions): Repository {
    return this.#roles.pushing.sending.registries.open(reference, options);
  }

  readRemoteBlob(repository: Repository, descriptor: Pick<Descriptor, 'digest' | 'size'>): Promise<Buffer> {
    return readRemoteBlob(this.#roles.pulling.reading.retry, repository, descriptor);
  }

  fetchLayer(source: LayerSource, diffId: Digest, signal: AbortSignal): Promise<ImageLayer> {
    return fetchLayer(this.#roles.pulling.downloads, source, diffId, signal);
  }

  pushArtifact(artifact: Artifact, push: ArtifactPush): Promise<void> {
    return pushArtifact(this.#roles.pushing.sending, artifact, push);
  }

  keepManifests(kept: KeptManifests): Promise<void> {
    return keepManifests(this.#roles.keeping, kept);
  }

  layersInUse(): ReadonlySet<string> {
    const { table } = this.#roles.showing;
    return new Set([...table.all()].flatMap(({ layers }) => layers.map(({ diffId }) => diffId)));
  }

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
    const { showing } = this.#roles;
    const { table, sizeOf } = showing;
    return {
      // Another platform of an image has its names.
      ...viewOf(image, table.namesOf(findImage(table, reference).id), sizeOf),
      descriptor: await describeTarget(showing, image),
      ...(manifests && { manifests: await describeManifests(showing, image) }),
    };
  }

  async manifestOf(id: Digest): Promise<Descriptor | undefined> {
    const image = this.#roles.showing.table.get(id);
    return image && (await describeManifest(this.#roles.showing, image));
  }

  async history(reference: string, { platform }: PlatformChoice = {}): Promise<readonly HistoryStep[]> {
    const image = findForPlatform(this.#roles.showing, reference, platform);
    const { table, sizeOf } = this.#roles.showing;
    return imageHistory(image, table, sizeOf);
  }

  attestations(reference: string, query: AttestationQuery): readonly Attestation[] {
    return listAttestations(this.#roles.keeping, reference, query);
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

  descendantsOf(reference: string): readonly Digest[] {
    const { table } = this.#roles.showing;
    return descendantsOf(table, findImage(table, reference).id);
  }

  referencesOf(id: Digest): readonly string[] {
    return this.#roles.showing.table.namesOf(id).map(({ reference }) => familiarReference(reference));
  }
}
