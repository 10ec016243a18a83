/**
 * Images: a configuration and an ordered list of layers, named by references.
 *
 * An image's id is the digest of its configuration blob. References (`repository:tag`) point at ids; an image
 * without any is dangling. Layers and blobs are shared and disappear with the last image and snapshot that holds them.
 *
 * Errors: `not-found` ("No such image: x:y"), `conflict` (in use, several references), `invalid` (malformed archive,
 * reference or configuration), `exhausted` (disk full).
 */
import type { Readable } from 'node:stream';
import type { Digest } from '#oci/digest.ts';
import type { Platform } from '#oci/platform.ts';
import type { ImageDefaults } from '#oci/image-defaults.ts';
import type { ContainerConfig } from '#wire/container.ts';
import type { ImageExploration } from '#wire/explore.ts';
import type { DistributionInspect } from '#wire/distribution.ts';
import type {
  HistoryEntry,
  ImageDeletion,
  ImageInspect,
  ImageSummary,
  ProgressMessage,
} from '#wire/image.ts';
import type { IndexPush, IndexPushed, ManifestInspect } from '#wire/manifest.ts';
import type { Credentials } from '#registry/token-source.ts';
import type { RegistryCredentials } from '#registry/credentials.ts';
import type { ImageGcReport } from '#wire/image-gc.ts';
import type { ImageBudget } from './image-budget.ts';
import type { RemoteRequest } from './remote-manifests.ts';

/** What a container needs to know of its image. */
export interface ResolvedImage {
  readonly id: Digest;
  /** The diff IDs, bottom first. */
  readonly layers: readonly Digest[];
  readonly config: Partial<ContainerConfig>;
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
}

export interface ImportRequest {
  /** A root file system: tar, or tar compressed with gzip or zstd. */
  readonly archive: Readable;
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
  /** Stops what nobody else waits for, and keeps what has come for the next pull. */
  readonly signal?: AbortSignal;
}

export interface PushRequest {
  /** `repository[:tag]`; without a tag, every tag that is here. */
  readonly reference: string;
  readonly credentials?: Credentials;
  readonly signal?: AbortSignal;
}

export interface CommitRequest {
  /** The id of the image that the changes are against. */
  readonly parent: string;
  /** A layer tar with whiteouts. */
  readonly changes: Readable;
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
  readonly all: boolean;
  readonly filters: ReadonlyMap<string, readonly string[]>;
  readonly sharedSize: boolean;
  /** Tells the platforms, and lists what is here as another platform of a named image with that image only. */
  readonly manifests?: boolean;
}

/** Which of an image's platforms; absent: the one that its name means. */
export interface PlatformChoice {
  readonly platform?: Platform;
}

export interface ImageStore {
  import(request: ImportRequest): Promise<Digest>;
  /** Accepts docker-archive and OCI layout; yields progress and `Loaded image: x` lines as they happen. */
  load(archive: Readable, options: { readonly signal?: AbortSignal }): AsyncIterable<ProgressMessage>;
  /** Yields Docker's progress; what fails before the first message is the request's own failure. */
  pull(request: PullRequest): AsyncIterable<ProgressMessage>;
  /** Yields Docker's progress; what images came with goes out byte for byte. */
  push(request: PushRequest): AsyncIterable<ProgressMessage>;
  /** Containers make images through `Containers.commit`. */
  commit(request: CommitRequest): Promise<Digest>;
  /** What a registry has under a name. @throws {EngineError} `not-found` and what `registry.ts` says */
  inspectRemote(request: {
    readonly reference: string;
    readonly credentials: RegistryCredentials;
    readonly signal: AbortSignal;
  }): Promise<DistributionInspect>;
  /** A manifest or an index as a registry has it. @throws {EngineError} `not-found` and what `registry.ts` says */
  inspectManifest(request: RemoteRequest): Promise<ManifestInspect>;
  /** Puts an index into a registry, and beside it what it names from other repositories there. */
  pushIndex(request: RemoteRequest, index: IndexPush): Promise<IndexPushed>;
  /** One archive that is a docker-archive and an OCI layout at once. */
  save(references: readonly string[], choice?: PlatformChoice): Promise<Readable>;
  /** By reference, full or short id. @throws {EngineError} `not-found`, also for a platform that is not here */
  resolve(reference: string, choice?: PlatformChoice): ResolvedImage;
  inspect(
    reference: string,
    options?: PlatformChoice & { readonly manifests?: boolean },
  ): Promise<ImageInspect>;
  history(reference: string, choice?: PlatformChoice): Promise<readonly HistoryEntry[]>;
  /** What each layer does, and what of it is wasted. Reads every layer. @throws {EngineError} `exhausted` for too many files */
  explore(
    reference: string,
    options: { readonly withFiles: boolean; readonly signal?: AbortSignal },
  ): Promise<ImageExploration>;
  list(query: ImageListQuery): Promise<readonly ImageSummary[]>;
  tag(source: string, target: string): Promise<void>;
  remove(
    reference: string,
    options: { readonly force: boolean; readonly prune: boolean },
  ): Promise<readonly ImageDeletion[]>;
  prune(
    filters: ReadonlyMap<string, readonly string[]>,
  ): Promise<{ readonly deleted: readonly ImageDeletion[]; readonly spaceReclaimed: number }>;
  /** The image is about to get a container: it is not collected before that is there, and this disposed. */
  holdForUse(id: Digest): Disposable;
  /** The image was run or built from: what was not for long goes first where there is a budget. */
  noteUse(id: Digest): void;
  /** What is kept by itself. */
  readonly budget: ImageBudget | undefined;
  /** Removes the least recently used images above a budget, or tells which would go. */
  keepBudget(budget: ImageBudget, options: { readonly isDryRun: boolean }): Promise<ImageGcReport>;
  /** Keeps the engine's own budget, soon and in the background; pulls, loads and builds ask for it themselves. */
  requestCollection(): void;
  /** The names that `ps` shows: the reference if it still means this id. */
  referencesOf(id: Digest): readonly string[];
}

/** What the image store asks of those above it, so that nothing in use is deleted. */
export interface ImageUse {
  /** Containers that were created from the image. */
  containersOf(id: Digest): readonly { readonly id: string; readonly running: boolean }[];
}
