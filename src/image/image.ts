/**
 * Images: a configuration and an ordered list of layers, named by references.
 *
 * Vocabulary. An image's *id* is the digest of its configuration blob. A *reference* (`repository:tag`,
 * `repository@digest`) points at an id; an image without any is *dangling*. A *layer* is known by its diff ID, a *blob*
 * is what it came as; both are shared by images and removed with the last that has them. An *index* names an image
 * for several platforms, each of which is an image of its own here.
 *
 * Life cycle: pulled, loaded, imported, committed or built → given and taken names → removed when asked for, when
 * pruned, or when it is the least recently used above a budget. An image becomes visible once all its parts are here
 * and durable; what a way here leaves unfinished is kept for a day for the next, and is no image.
 *
 * Errors: the table is `image-errors.ts`; what registries say is in `registry/registry.ts`.
 *
 * ```ts
 * for await (const progress of images.pull({ reference: 'postgres:18' }))
 *   if (progress.kind === 'pulled') console.log(progress.name);
 * const { id } = images.resolve('postgres:18');
 * using hold = images.holdForUse(id); // not collected until the container is there
 * await images.tag('postgres:18', 'mine:1'); // two names, one image
 * await images.remove('postgres:18', { force: false, prune: true }); // [{ kind: 'untagged', … }]
 * await images.remove('mine:1', { force: false, prune: true }); // … and its layers, unless a container has it
 * ```
 */
import type { Readable } from 'node:stream';
import type { Filters } from '#base/filters.ts';
import type { Descriptor } from '#oci/descriptor.ts';
import type { BlobInfo } from '#store/content.ts';
import type { Digest } from '#oci/digest.ts';
import type { ImageDefaults } from '#oci/image-defaults.ts';
import type { Platform } from '#oci/platform.ts';
import type { Credentials } from '#registry/token-source.ts';
import type { ImageExploration } from './image-exploration.ts';
import type { LoadProgress, PullProgress, PushProgress } from './image-progress.ts';
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
  IndexPush,
  IndexPushReport,
  RemoteImage,
  RemoteImageRequest,
  RemoteManifestRequest,
  RemoteManifestView,
} from './remote-image.ts';

/** What a container needs to know of its image. */
export interface ResolvedImage {
  readonly id: Digest;
  /** The diff IDs, bottom first. */
  readonly layers: readonly Digest[];
  readonly config: ImageDefaults;
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
}

export interface ImportRequest {
  /** A root file system: tar, plain or compressed with gzip, zstd, xz or bzip2. It is destroyed. */
  readonly archive: Readable;
  /** Where the archive comes from, for the image's comment. */
  readonly origin?: string;
  /** `repository[:tag]`; absent leaves it dangling. */
  readonly reference?: string;
  readonly message?: string;
  /** Dockerfile instructions: `CMD ["sh"]`, `ENV A=b`, … */
  readonly changes?: readonly string[];
  readonly platform?: string;
  readonly signal?: AbortSignal;
}

export interface PullRequest {
  /** `repository[:tag][@digest]`; without both, every tag of the repository. */
  readonly reference: string;
  /** `OS/ARCHITECTURE[/VARIANT]`; absent: this machine's. */
  readonly platform?: string;
  readonly credentials?: Credentials;
  /** Stops what no other pull waits for, and keeps what has come for the next pull. */
  readonly signal?: AbortSignal;
}

export interface PushRequest {
  /** `repository[:tag]`; without a tag, every tag that is here. */
  readonly reference: string;
  /** The image for this platform alone, without the index that it is part of. */
  readonly platform?: Platform;
  readonly credentials?: Credentials;
  readonly signal?: AbortSignal;
}

export interface CommitRequest {
  /** The id of the image that the changes are against. */
  readonly parent: string;
  /** Writes a layer tar with whiteouts into an empty file. */
  readonly writeChanges: (path: string) => Promise<BlobInfo>;
  readonly config: ImageDefaults;
  readonly containerId: string;
  /** For the history: what ran in the container. */
  readonly createdBy?: string;
  readonly comment?: string;
  readonly author?: string;
  /** `repository[:tag]`; absent leaves it dangling. */
  readonly reference?: string;
  readonly signal?: AbortSignal;
}

export interface ImageListQuery {
  /** Takes in those that others were made from. */
  readonly all: boolean;
  /** `before`, `dangling`, `label`, `label!`, `reference`, `since`, `until`. */
  readonly filters: Filters;
  readonly sharedSize: boolean;
  /** Tells the descriptors. */
  readonly descriptors?: boolean;
  /** Tells the manifests, and lists what is here as another platform of a named image with that image only. */
  readonly manifests?: boolean;
}

/** Which of an image's platforms; absent: the one that its name means. */
export interface PlatformChoice {
  readonly platform?: Platform;
}

/** Which of an image's platforms; absent: all that are here. */
export interface PlatformsChoice {
  readonly platforms?: readonly Platform[];
}

export interface LoadOptions extends PlatformsChoice {
  readonly signal?: AbortSignal;
}

/** With platforms, these go alone, and the image's names stay with the others. */
export interface RemoveOptions extends PlatformsChoice {
  /** Takes the names of an image that stopped containers use, and several names at once. */
  readonly force: boolean;
  /** Removes untagged parents too. */
  readonly prune: boolean;
}

/** What images may take on disk. */
export interface ImageBudget {
  readonly maximumBytes: number;
  /** Images that were used more recently stay. */
  readonly minimumAgeMs: number;
  /** `label=KEY[=VALUE]`, or patterns of references; what fits stays. */
  readonly keep: readonly string[];
}

export interface ImageBudgetReport {
  readonly maximumBytes: number;
  /** What images took before: layers and blobs, each counted once. */
  readonly sizeBytes: number;
  /** What was given back, or would be. */
  readonly reclaimedBytes: number;
  /** Nothing was removed, only looked at. */
  readonly isDryRun: boolean;
  /** The least recently used first. */
  readonly images: readonly BudgetedImage[];
}

interface BudgetedImage {
  readonly id: Digest;
  readonly tags: readonly string[];
  readonly lastUsedMs: number;
  /** Bytes that no other image has. */
  readonly uniqueBytes: number;
  readonly isRemoved: boolean;
  /** Why it goes or stays, for people. */
  readonly reason: string;
}

/** The images of one engine. References are full or short ids too wherever one means an image that is here. */
export interface ImageStore {
  /** Durable when it resolves. @throws {EngineError} `archive-…`, `import-by-digest`, `exhausted` for a full disk */
  import(request: ImportRequest): Promise<Digest>;
  /** Accepts docker-archive and OCI layout. @throws {EngineError} `archive-…`, `layer-…`, `exhausted` */
  load(archive: Readable, options?: LoadOptions): AsyncIterable<LoadProgress>;
  /** What fails before the first progress is the request's own failure. */
  pull(request: PullRequest): AsyncIterable<PullProgress>;
  /** What images came with goes out byte for byte. */
  push(request: PushRequest): AsyncIterable<PushProgress>;
  /** Containers make images through `Containers.commit`. */
  commit(request: CommitRequest): Promise<Digest>;
  /** What a registry has under a name. @throws {EngineError} `manifest-unknown` and what `registry.ts` says */
  inspectRemote(request: RemoteImageRequest): Promise<RemoteImage>;
  /** A manifest or an index as a registry has it. @throws {EngineError} as {@link inspectRemote} */
  inspectManifest(request: RemoteManifestRequest): Promise<RemoteManifestView>;
  /** Puts an index into a registry, and beside it what it names from other repositories there. */
  pushIndex(request: RemoteManifestRequest, index: IndexPush): Promise<IndexPushReport>;
  /** One archive that is a docker-archive and an OCI layout at once. */
  save(references: readonly string[], choice?: PlatformsChoice): Promise<Readable>;
  /** @throws {EngineError} `no-such-image`, `platform-not-here` */
  resolve(reference: string, choice?: PlatformChoice): ResolvedImage;
  /** @throws {EngineError} `no-such-image`, `platform-not-here` */
  inspect(reference: string, options?: PlatformChoice & { readonly manifests?: boolean }): Promise<ImageView>;
  /** Describes an image's manifest; undefined if the image is not here. */
  manifestOf(id: Digest): Promise<Descriptor | undefined>;
  /** @throws {EngineError} `no-such-image`, `platform-not-here` */
  attestations(reference: string, query: AttestationQuery): readonly Attestation[];
  /** Newest step first. @throws {EngineError} `no-such-image`, `platform-not-here`, `history-too-long` */
  history(reference: string, choice?: PlatformChoice): Promise<readonly HistoryStep[]>;
  /** Reads every layer. @throws {EngineError} `no-such-image`, `image-too-large-to-explore` */
  explore(
    reference: string,
    options: { readonly withFiles: boolean; readonly signal?: AbortSignal },
  ): Promise<ImageExploration>;
  /** Newest first. @throws {EngineError} `invalid` for a filter, `no-such-image` for one that a filter names */
  list(query: ImageListQuery): Promise<readonly ImageSummary[]>;
  /** Durable when it resolves. @throws {EngineError} `no-such-image`, `tag-by-digest`, `tag-like-digest` */
  tag(source: string, target: string): Promise<void>;
  /**
   * A name goes alone while the image has others. Durable when it resolves.
   *
   * @throws {EngineError} `no-such-image`, `last-name-in-use`, `image-…`
   */
  remove(reference: string, options: RemoveOptions): Promise<readonly ImageRemoval[]>;
  /** Dangling images, or with the filter `dangling=false` all that no container has; and what pulls left unfinished. */
  prune(filters: Filters): Promise<ImagePruneReport>;
  /** The image is about to get a container: it is not collected before that is there, and this disposed. */
  holdForUse(id: Digest): Disposable;
  /** The image was run or built from: what was not for long goes first where there is a budget. */
  noteUse(id: Digest): void;
  /** What is kept by itself. */
  readonly budget: ImageBudget | undefined;
  /**
   * Removes the least recently used images above a budget, or tells which would go.
   *
   * @param options the signal ends it before the next image; what has gone stays gone. @throws its reason
   */
  keepBudget(
    budget: ImageBudget,
    options: { readonly isDryRun: boolean; readonly signal: AbortSignal },
  ): Promise<ImageBudgetReport>;
  /** Keeps the engine's own budget, soon and in the background; pulls, loads and builds ask for it themselves. */
  requestCollection(): void;
  /** The image itself first, then those that were committed or built from it here. @throws {EngineError} `no-such-image` */
  descendantsOf(reference: string): readonly Digest[];
  /** Its names, as people write them. */
  referencesOf(id: Digest): readonly string[];
}

/** What images ask of the domain of containers, so that nothing in use is deleted. */
export interface ImageUse {
  /** Containers that were created from the image. */
  containersOf(id: Digest): readonly { readonly id: string; readonly running: boolean }[];
}
