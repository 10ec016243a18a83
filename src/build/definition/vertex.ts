/** The graph of a build: vertices, and the files that they take (the vocabulary is in `build.ts`). */
import type { ResourceLimit } from '#container/container-spec.ts';
import type { ImageLayer } from '#image/image-record.ts';
import type { Digest } from '#oci/digest.ts';
import type { CommandSettings } from './command-settings.ts';
import type { ExecMount } from './exec-mount.ts';
import type { FileAction } from './file-action.ts';
import type { PackedTable } from '../files/packed-table.ts';
import type { SourceTree } from '../files/source-tree.ts';

/** A file system: what a vertex stands on. */
export type Vertex =
  | BaseVertex
  | ExecVertex
  | CopyVertex
  | FilesVertex
  | OutputVertex
  | MergeVertex
  | DiffVertex;

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
  readonly settings: CommandSettings;
  /** Replaces the limits of the settings. */
  readonly ulimits?: readonly ResourceLimit[];
  readonly readOnlyRoot?: boolean;
  /** What is there only while the command runs. */
  readonly mounts?: readonly ExecMount[];
  /** `OS/ARCHITECTURE[/VARIANT]`, where it is not this machine's. */
  readonly platform?: string;
  /** The host name of its machine; absent: that of all commands. */
  readonly hostname?: string;
  /** Exit codes that count as success; absent: 0. */
  readonly validExitCodes?: readonly number[];
  /** What it changes in its own files is thrown away. */
  readonly isThrownAway?: boolean;
}

/** What a command has left in one of its mounts, of the kind `state`. */
export interface OutputVertex {
  readonly kind: 'output';
  /** What was mounted. */
  readonly parent: Vertex;
  readonly of: ExecVertex;
  /** The number of the mount. */
  readonly number: number;
}

/** Changes files, one action after the other. */
export interface FilesVertex {
  readonly kind: 'files';
  readonly parent: Vertex;
  readonly actions: readonly FileAction[];
}

/** Several file systems as one: what is above counts. */
export interface MergeVertex {
  readonly kind: 'merge';
  /** The lowest of them. */
  readonly parent: Vertex;
  readonly above: readonly Vertex[];
}

/** The changes that lead from one file system to another, on an empty file system. */
export interface DiffVertex {
  readonly kind: 'diff';
  /** An empty file system. */
  readonly parent: BaseVertex;
  readonly lower: Vertex;
  readonly upper: Vertex;
}

/** Where files come from: a context, the network, or another vertex. */
export type FileSource = LocalFiles | RemoteFiles | Vertex;

/** A directory of this machine; its files count as root's. */
export interface LocalFiles {
  readonly kind: 'local';
  readonly directory: string;
  /** Patterns of an ignore file. */
  readonly ignore: readonly string[];
  /** Equal for equal files; where it is not known, they are looked at. */
  readonly identity?: string;
  /** Where they were fetched from. */
  readonly origin?: FilesOrigin;
  /** The same files as they are known without reading them: enough to tell their checksums. */
  readonly known?: SourceTree;
  /** They are there until it is disposed: another build may share what reads them. */
  readonly hold: () => Promise<Disposable>;
  /** The same for COPY, which reads the files without a directory. */
  readonly holdPacked?: () => HeldTable;
}

/** Something on the network, as it was when it was fetched. */
export interface FilesOrigin {
  /** `URL#ref` for repositories. */
  readonly url: string;
  /** Digests by their algorithms: a file's `sha256`, a commit's `sha1`. */
  readonly digest: Readonly<Record<string, string>>;
}

/** Files and their contents in a form that threads share, until it is disposed. */
export interface HeldTable extends Disposable {
  readonly packed: PackedTable;
}

/** Files that are fetched when a vertex needs them. */
export type RemoteFiles = HttpFile | GitTree;

export interface HttpFile {
  readonly kind: 'http';
  readonly url: string;
  /** The digest that the file must have. */
  readonly checksum?: Digest;
}

/** The files of one commit. */
export interface GitTree {
  readonly kind: 'git';
  readonly url: string;
  /** A branch, tag or commit; empty: the default branch. */
  readonly ref: string;
  /** A directory of the tree; empty: all of it. */
  readonly directory: string;
  readonly keepGitDirectory: boolean;
  /** The commit that it must be, or the beginning of its name. */
  readonly checksum?: string;
  /** `checksum` is what is fetched, whatever `ref` means by now. */
  readonly isByChecksum?: boolean;
  readonly withoutSubmodules?: boolean;
  /** Files are as old as the commit; by default they are as old as they are here. */
  readonly hasCommitTime?: boolean;
  /** Over ssh: which agent of the client has the key; by default `default`. */
  readonly sshAgent?: string;
  /** Over ssh: the only hosts that are trusted, as in a file of known hosts; by default any host is. */
  readonly knownHosts?: string;
  /** Over https: the client's secret that is a token; by default `GIT_AUTH_TOKEN`, none if empty. */
  readonly tokenSecret?: string;
  /** The same for one that is a whole `Authorization`; by default `GIT_AUTH_HEADER`. */
  readonly headerSecret?: string;
}

/** Adds files; without any, the directory at the destination. */
export interface CopyVertex {
  readonly kind: 'copy';
  readonly parent: Vertex;
  /** Copied in this order; what comes later counts. */
  readonly files: readonly CopiedFiles[];
  /** Absolute; a slash at the end says that it is a directory. */
  readonly destination: string;
  /** `user[:group]`, looked up in the parent. */
  readonly owner?: string;
  /** The mode of everything that is copied: a number, or changes as chmod(1) has them (`u=rwX,go-w`). */
  readonly mode?: number | string;
  /** Made as if there were nothing below, and therefore the same on any parent. */
  readonly isLinked?: boolean;
}

export interface CopiedFiles {
  readonly source: FileSource;
  /** Paths, with the wildcards of Go's filepath.Match. */
  readonly paths: readonly string[];
  /** Patterns of an ignore file, relative to each path. */
  readonly exclude?: readonly string[];
  /** Patterns for what is wanted of a directory; absent: everything. */
  readonly include?: readonly string[];
  /** A link at the end of a path is copied itself. */
  readonly keepsLinks?: boolean;
  /** The directories on the way are copied too; the paths may have `**`. */
  readonly withParents?: boolean;
  /** Archives among them are extracted. */
  readonly unpack?: boolean;
}

/** What one vertex added. */
export interface Solved {
  /** Absent: it changed nothing. */
  readonly layer?: ImageLayer;
  /** What a command changed in its mounts, by their numbers. */
  readonly outputs?: ReadonlyMap<number, ImageLayer>;
  readonly createdAtMs: number;
  readonly cached: boolean;
}
