/**
 * Builds: from a Dockerfile and a context to an image.
 *
 * Vocabulary. A *vertex* is one operation on a file system: it stands on its parent's file system and adds at most one
 * layer; vertices and what they stand on are the *definition* of a build, a graph without cycles. A *step* is one
 * instruction as it is shown to people; most have a vertex, those that only change the configuration have none. A
 * *context* is the directory of files that a client sent. The *cache* knows for the key of a vertex (what it does, to
 * which layers, with which file contents) the layer that it made. A *session* is the client while it serves files,
 * secrets and agents. A *bridge* lets a client look at the result before it is exported.
 *
 * Life cycle. The context is received → the Dockerfile is planned into a definition, base images resolved → the solver
 * solves the vertices that the result needs, as parallel as their inputs allow, each looked up in the cache first →
 * the image is registered and named. A build that fails or is cancelled leaves in the cache what was solved, and
 * nothing else. Equal vertices that two builds need at once are solved once. The cache outlives the engine; an entry
 * counts as long as its layer is there.
 *
 * ```ts
 * const request = { context: { kind: 'tar', stream }, dockerfile: 'Dockerfile', references: ['app'], ... };
 * for await (const event of builds.build(request)) {
 *   if (event.type === 'output') process.stdout.write(event.data);
 *   if (event.type === 'built') console.log(event.id);
 * }
 * ```
 *
 * Errors: `invalid` (the Dockerfile, missing files, a command that fails: `StepFailure`), `not-found` (a base image),
 * `not-implemented`, `aborted`, `exhausted`.
 */
import type { Readable } from 'node:stream';
import type { ImageLayer, ImageRecord } from '#image/image-record.ts';
import type { Digest } from '#oci/digest.ts';
import type { PullProgress } from '#image/image-progress.ts';
import type { RegistryCredentials } from '#registry/credentials.ts';
import type { BaseImage } from './bases/base-image.ts';
import type { FileRange } from './files/file-jobs.ts';
import type { BuildSession, FileEntry } from './session/build-session.ts';
import type { CommandSettings } from './definition/command-settings.ts';
import type { CacheRecord, PruneReport, PruneRequest } from './disk/disk.ts';
import type { Range, SourceFile } from '#dockerfile/ast.ts';
import type { SourcePolicy } from './policy/source-policy.ts';
import type { Graph } from './graph/graph.ts';
import type { BuildOutcome } from './export/outcome.ts';

/** Where files come from that no stage makes. */
export type ContextSource =
  /** A tar, which may be compressed; `url` is what source policies know it by. */
  | { readonly kind: 'tar'; readonly stream: Readable; readonly url?: string }
  /** A directory of the client's, by the name that its session knows it by. */
  | { readonly kind: 'session'; readonly directory: string }
  /** A git repository (`URL#ref:directory`), or a file by http: an archive, or a Dockerfile alone. */
  | { readonly kind: 'remote'; readonly url: string }
  /** What another build of the same client has made. */
  | { readonly kind: 'layers'; readonly layers: readonly ImageLayer[] };

/** What `--build-context NAME=VALUE` puts in the place of an image or a stage of that name. */
export type NamedContext =
  | ContextSource
  | { readonly kind: 'image'; readonly reference: string }
  /** An OCI layout, kept by the client. */
  | { readonly kind: 'oci-layout'; readonly directory: string; readonly digest: Digest };

export interface BuildRequest {
  readonly context: ContextSource;
  /** The directory of the context that counts, where that is no directory of the client's. */
  readonly contextDirectory?: string;
  /** By name. */
  readonly namedContexts?: Readonly<Record<string, NamedContext>>;
  /** Path in the context, or in the `dockerfile` directory of the session where the context is not the client's tar. */
  readonly dockerfile: string;
  /** Where the Dockerfile is, if not in the context. */
  readonly dockerfileSource?: ContextSource;
  /** The client, while it serves files and secrets. */
  readonly session?: BuildSession;
  /** A stage's name or number; absent: the last. */
  readonly target?: string;
  readonly buildArgs: Readonly<Record<string, string | null>>;
  readonly labels: Readonly<Record<string, string>>;
  /** `repository[:tag]`. */
  readonly references: readonly string[];
  /** Looks nothing up in the cache; what is made goes into it. */
  readonly noCache: boolean;
  /** Stages for which nothing is looked up. */
  readonly noCacheStages?: readonly string[];
  /** Asks the registry for base images even where they are here. */
  readonly pull: boolean;
  /** The layers above the base become one. */
  readonly squash?: boolean;
  /** Empty: this machine's. Several give an index. */
  readonly platforms?: readonly string[];
  /** By registry host; a session knows more. */
  readonly credentials: Readonly<Record<string, RegistryCredentials>>;
  /** What commands are given: network, limits, extra hosts. */
  readonly commands: CommandSettings;
  /** `security.insecure`, `network.host`: what the client allows beyond the ordinary. */
  readonly entitlements?: readonly string[];
  /** Where the result goes; absent: into this engine's images. */
  readonly outputs?: readonly BuildOutput[];
  readonly cacheFrom?: readonly CacheSource[];
  readonly cacheTo?: readonly CacheSource[];
  /** Attestations to attach, with their attributes: `provenance`, `sbom`. */
  readonly attestations?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** What is wanted instead of a build: `check` lints, `outline` and `targets` describe. */
  readonly subrequest?: 'check' | 'outline' | 'targets';
  /** What is wanted instead of a build: an image's configuration and digest, in the response. */
  readonly resolve?: BaseImage;
  /** What the build may take from outside; absent: everything. */
  readonly sourcePolicies?: readonly SourcePolicy[];
  /** What is to be built, instead of a Dockerfile: a graph of the client's own. */
  readonly graph?: Graph;
  /** Digests of what the client has been told to be done: it is neither made anew nor told again. */
  readonly done?: ReadonlySet<string>;
  /** Images by names that only this request knows. */
  readonly images?: ReadonlyMap<string, ImageRecord>;
  /**
   * Called once it is known what is to be built; what it resolves to is exported, and nothing if that is undefined.
   * Absent: all is built and exported.
   */
  readonly lead?: (bridge: SolveBridge) => Promise<BuildOutcome | undefined>;
  /** The only kind of events that is wanted, beside `built`; absent: all. */
  readonly tell?: 'steps' | 'graph';
  readonly signal: AbortSignal;
}

/**
 * A build between its plan and its exports, as a client leads it that looks at the result first (BuildKit's gateway).
 * What is solved stays until the build ends, and with it what was received from the client.
 */
export interface SolveBridge {
  /** Solves the result when it is first asked for. @throws {EngineError} what the build fails with */
  solve(): Promise<BuildOutcome>;
  /** @throws {EngineError} `invalid` if it is not there, no regular file, or larger than one answer may be */
  readFile(layers: readonly ImageLayer[], path: string, range?: FileRange): Promise<Uint8Array>;
  /**
   * The entries of a directory, without what is in those; links are followed to it.
   *
   * @param pattern of an ignore file, for the names that are wanted
   * @throws {EngineError} `invalid` if it is not there
   */
  readDirectory(layers: readonly ImageLayer[], path: string, pattern?: string): Promise<readonly FileEntry[]>;
  /** Links are followed. @throws {EngineError} `invalid` if it is not there */
  statFile(layers: readonly ImageLayer[], path: string): Promise<FileEntry>;
}

/** BuildKit's exporters, with their attributes (`name`, `push`, `oci-mediatypes`, `rewrite-timestamp`, …). */
export interface BuildOutput {
  /** `image` stores it here, and pushes it with `push=true`; `registry` is that without storing. */
  readonly type: 'image' | 'registry' | 'local' | 'tar' | 'oci' | 'docker' | 'cacheonly';
  readonly attributes: Readonly<Record<string, string>>;
}

/**
 * BuildKit's cache backends: `inline`, `registry` (`ref`), `local` (`src` or `dest`, kept by the client). A build fails
 * where it is to export to another; one that cannot be imported is told and left out.
 */
export interface CacheSource {
  readonly type: string;
  readonly attributes: Readonly<Record<string, string>>;
}

/** What clients are told while it happens. */
export type BuildEvent = StepEvent | GraphEvent;

/** The build as the classic builder tells it: steps in the order of the Dockerfile. */
export type StepEvent =
  | { readonly type: 'step'; readonly number: number; readonly total: number; readonly text: string }
  | { readonly type: 'output'; readonly stream: 'stdout' | 'stderr'; readonly data: Buffer }
  /** `id` is what the image would be if the build ended here. */
  | { readonly type: 'stepped'; readonly id: Digest; readonly cached: boolean }
  | { readonly type: 'pulling'; readonly progress: PullProgress }
  /** Build arguments that the Dockerfile does not take. */
  | { readonly type: 'unused-arguments'; readonly names: readonly string[] }
  | {
      readonly type: 'built';
      /** Absent where no image was stored. */
      readonly id?: Digest;
      readonly references: readonly string[];
      /** What exporters answer: `containerimage.digest`, `containerimage.config.digest`, `image.name`, … */
      readonly response: Readonly<Record<string, string>>;
    };

/** The build as it happens, several operations at once: BuildKit's status stream. */
export type GraphEvent =
  /** Comes when a vertex is known, when it starts and when it ends; each time with everything that is known of it. */
  | { readonly type: 'vertex'; readonly vertex: VertexStatus }
  | {
      readonly type: 'vertex-output';
      readonly vertex: Digest;
      readonly atMs: number;
      readonly stream: 'stdout' | 'stderr';
      readonly data: Buffer;
    }
  /** Something inside a vertex that moves: bytes of a transfer, a layer of a pull. */
  | { readonly type: 'vertex-progress'; readonly vertex: Digest; readonly progress: VertexProgress }
  | { readonly type: 'warning'; readonly vertex: Digest; readonly warning: BuildWarning };

export interface VertexStatus {
  /** Identifies it in this build; no content has this digest. */
  readonly digest: Digest;
  readonly inputs: readonly Digest[];
  /** `[stage 2/4] RUN make`, `[internal] load build context`. */
  readonly name: string;
  readonly startedAtMs?: number;
  readonly completedAtMs?: number;
  readonly cached: boolean;
  readonly failure?: VertexFailure;
}

export type VertexFailure =
  /** Another vertex failed, or the build was canceled. */
  { readonly kind: 'canceled' } | { readonly kind: 'failed'; readonly error: unknown };

export interface VertexProgress {
  readonly id: string;
  readonly name?: string;
  readonly current: number;
  /** 0 where it is not known. */
  readonly total: number;
  readonly startedAtMs: number;
  readonly completedAtMs?: number;
}

export interface BuildWarning {
  /** `StageNameCasing`. */
  readonly rule: string;
  readonly message: string;
  readonly url?: string;
  readonly file: string;
  /** Counted from 1. */
  readonly startLine: number;
  readonly endLine: number;
}

export interface Builds {
  /** Yields what happens; fails as the build does. Leaving early cancels it. */
  build(request: BuildRequest): AsyncIterable<BuildEvent>;
  /** Forgets what is in the cache and not in use; by default all of it. @throws {EngineError} `invalid` for a filter */
  prune(request?: PruneRequest): Promise<PruneReport>;
  /** What the cache keeps, used longest ago first. */
  cacheRecords(): readonly CacheRecord[];
}

/** Where a step is in its Dockerfile. */
export interface StepPlace {
  readonly source: SourceFile;
  readonly ranges: readonly Range[];
}
