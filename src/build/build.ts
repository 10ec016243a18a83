/**
 * Builds: from a Dockerfile and a context to an image.
 *
 * Vocabulary. A *vertex* is one operation on a file system: it stands on its parent's file system and adds at most one
 * layer; vertices and what they stand on are the *definition* of a build, a graph without cycles. A *step* is one
 * instruction as it is shown to people; most have a vertex, those that only change the configuration have none. A
 * *context* is the directory of files that a client sent. The *cache* knows for the key of a vertex (what it does, to
 * which layers, with which file contents) the layer that it made.
 *
 * Life cycle. The context is received → the Dockerfile is planned into a definition, base images resolved → vertices
 * that the result needs are solved, as parallel as their inputs allow, each looked up in the cache first → the image
 * is registered and named. Whatever fails or is cancelled leaves what was solved in the cache and nothing else. Equal
 * vertices that two builds need at once are solved once. The cache outlives the engine; an entry counts as long as its
 * layer is there.
 *
 * Errors: `invalid` (Dockerfile, missing files, a command that fails: {@link StepFailure}), `not-found` (base image,
 * target stage), `not-implemented`, `aborted`, `exhausted`.
 */
import type { Readable } from 'node:stream';
import { EngineError } from '#base/errors.ts';
import type { ImageLayer } from '#image/image-record.ts';
import type { Digest } from '#oci/digest.ts';
import type { HostConfig } from '#wire/container.ts';
import type { ProgressMessage } from '#wire/image.ts';
import type { RegistryAuth } from '#wire/registry-auth.ts';

export interface BuildRequest {
  /** A tar, which may be compressed. */
  readonly context: Readable;
  /** Path in the context. */
  readonly dockerfile: string;
  /** A stage's name or number; absent: the last. */
  readonly target?: string;
  readonly buildArgs: Readonly<Record<string, string | null>>;
  readonly labels: Readonly<Record<string, string>>;
  /** `repository[:tag]`. */
  readonly references: readonly string[];
  /** Looks nothing up in the cache; what is made goes into it. */
  readonly noCache: boolean;
  /** Asks the registry for base images even where they are here. */
  readonly pull: boolean;
  readonly platform?: string;
  /** By registry host. */
  readonly credentials: Readonly<Record<string, RegistryAuth>>;
  /** What RUN is given: network, limits, extra hosts. */
  readonly hostConfig: HostConfig;
  readonly signal: AbortSignal;
}

/** What clients are told while it happens, steps in the order of the Dockerfile. */
export type BuildEvent =
  | { readonly type: 'step'; readonly number: number; readonly total: number; readonly text: string }
  | { readonly type: 'output'; readonly stream: 'stdout' | 'stderr'; readonly data: Buffer }
  /** `id` is what the image would be if the build ended here. */
  | { readonly type: 'stepped'; readonly id: Digest; readonly cached: boolean }
  | { readonly type: 'pulling'; readonly message: ProgressMessage }
  | { readonly type: 'built'; readonly id: Digest; readonly references: readonly string[] };

/** A file system: what a vertex stands on. */
export type Vertex = BaseVertex | ExecVertex | CopyVertex | UnpackVertex;

/** An image's layers; none for `scratch`. */
export interface BaseVertex {
  readonly kind: 'base';
  readonly layers: readonly ImageLayer[];
}

/** Runs a command and keeps what it changes. */
export interface ExecVertex {
  readonly kind: 'exec';
  readonly parent: Vertex;
  readonly argv: readonly string[];
  readonly env: readonly string[];
  /** More variables, which make no difference to the result. */
  readonly proxies: readonly string[];
  readonly workingDirectory: string;
  readonly user: string;
  readonly hostConfig: HostConfig;
}

/** Where files come from: a context, or another vertex. */
export type FileSource = LocalFiles | Vertex;

/** A directory of this machine; its files count as root's. */
export interface LocalFiles {
  readonly kind: 'local';
  readonly directory: string;
  /** Patterns of an ignore file. */
  readonly ignore: readonly string[];
  /** Equal for equal files; where it is not known, they are looked at. */
  readonly identity?: string;
  /** Keeps them there until it is disposed: another build may share what reads them. */
  readonly hold: () => Disposable;
}

/** Adds files; without any, the directory at the destination. */
export interface CopyVertex {
  readonly kind: 'copy';
  readonly parent: Vertex;
  readonly files?: { readonly source: FileSource; readonly paths: readonly string[] };
  /** Absolute; a slash at the end says that it is a directory. */
  readonly destination: string;
  /** `user[:group]`, looked up in the parent. */
  readonly owner?: string;
  readonly mode?: number;
}

/** Extracts one archive. */
export interface UnpackVertex {
  readonly kind: 'unpack';
  readonly parent: Vertex;
  readonly source: LocalFiles;
  /** Path in the source. */
  readonly path: string;
  readonly destination: string;
  readonly owner?: string;
}

/** What one vertex added. */
export interface Solved {
  /** Absent: it changed nothing. */
  readonly layer?: ImageLayer;
  readonly createdAtMs: number;
  readonly cached: boolean;
}

export interface Builds {
  /** Yields what happens; fails as the build does. Leaving early cancels it. */
  build(request: BuildRequest): AsyncIterable<BuildEvent>;
  /** Forgets the cache but for what images need. */
  prune(): Promise<{ readonly deleted: readonly string[]; readonly spaceReclaimed: number }>;
}

/** A command that ended with another code than 0; Docker's words. */
export class StepFailure extends EngineError {
  readonly exitCode: number;

  constructor(command: string, exitCode: number) {
    super('invalid', `The command '${command}' returned a non-zero code: ${exitCode}`);
    this.exitCode = exitCode;
  }
}
