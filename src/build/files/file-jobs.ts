/** What the worker threads of this folder are asked to do. */
import type { ByteChannelEnd } from '#layer/byte-channel.ts';
import type { ViewSource } from '#layer/read-only-view.ts';
import type { BlobInfo } from '#store/content.ts';
import type { FileEntry } from '../session/build-session.ts';
import type { FileAction } from '../definition/file-action.ts';
import type { PackedTable } from './packed-table.ts';

/** A directory that nothing leads out of, or layers that are shown as one. */
export type Tree = string | ViewSource;

export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** Files to read. */
export interface FileSelection {
  readonly source: Tree;
  /** Patterns of an ignore file, relative to the tree. */
  readonly ignore: readonly string[];
  /** Files of a context count as root's, whatever their owner. */
  readonly ownedByRoot: boolean;
  /** Paths in the tree, with the wildcards of Go's filepath.Match. */
  readonly paths: readonly string[];
  /** Patterns of an ignore file, relative to each path. */
  readonly exclude?: readonly string[];
  /** Patterns for what is wanted of a directory; absent: everything. */
  readonly include?: readonly string[];
  /** A link at the end of a path is taken itself, not what it leads to. */
  readonly keepsLinks?: boolean;
  /** The directories on the way are copied too, from `/./` on where that is in a path; `**` is a wildcard as well. */
  readonly withParents?: boolean;
  /** The files themselves, where they are known without the tree; only COPY takes them from here. */
  readonly packed?: PackedTable;
}

export interface CopyJob {
  /** None: only the directory at the destination. */
  readonly files: readonly FileSelection[];
  readonly target: Tree;
  /** Absolute; a slash at the end says that it is a directory. */
  readonly destination: string;
  /** The owner of everything; by default the source's, and root for directories that are made. */
  readonly owner?: Owner;
  /** The mode of everything that is copied; by default the source's. A number, or changes as chmod(1) has them. */
  readonly mode?: number | string;
  /** The time of everything; by default the source's, and now for directories that are made. */
  readonly modifiedNs?: bigint;
  /** Directories are copied under their own names where the destination is one, as cp(1) does it. */
  readonly keepsDirectories?: boolean;
  /** Whatever is in the way of a file or directory is removed. */
  readonly replaces?: boolean;
  /** The directory above the destination must be there. */
  readonly needsParent?: boolean;
}

/** Changes one file in a root that can be written to; see `FileAction`. */
export interface ChangeJob {
  readonly root: string;
  readonly action: Exclude<FileAction, { readonly kind: 'copy' }>;
  /** The owner of what is made; absent: root. */
  readonly owner?: Owner;
}

/** Two trees. */
export interface DiffJob {
  readonly lower: Tree;
  readonly upper: Tree;
}

interface FileTarget {
  /** An empty file. */
  readonly path: string;
  /** The first number becomes another than 0 when the job is aborted. */
  readonly aborted: Int32Array;
}

export interface IndexJob {
  readonly tar: string;
  /**
   * The index to be written. The job answers false, and writes none, for archives that cannot have one: with sparse
   * files, or names that layers read.
   */
  readonly index: string;
  readonly maximumEntries: number;
}

export interface IgnoredJob {
  readonly root: string;
  /** Patterns of an ignore file. */
  readonly ignore: readonly string[];
}

/** A range of a file's bytes. */
export interface FileRange {
  readonly offset: number;
  readonly length: number;
}

export interface StatJob {
  readonly source: Tree;
  readonly path: string;
}

export interface ReadJob extends StatJob {
  /** Absent: all of it. */
  readonly range?: FileRange;
}

export interface ListJob extends StatJob {
  /** A pattern of an ignore file for the names that are wanted. */
  readonly pattern?: string;
}

/** Layers as trees: those to be one, those below them, and all together. */
export interface SquashJob {
  readonly above: Tree;
  readonly below: Tree;
  readonly whole: Tree;
}

export interface FoundPath {
  /** Absolute, without links. */
  readonly path: string;
  readonly name: string;
  readonly isDirectory: boolean;
}

export interface FileJobs {
  readonly find: { readonly input: FileSelection; readonly output: readonly FoundPath[] };
  /** A hash of names, modes, owners and contents; not of times. */
  readonly checksum: { readonly input: FileSelection; readonly output: string };
  /** Single files. */
  readonly read: { readonly input: ReadJob; readonly output: Uint8Array };
  readonly list: { readonly input: ListJob; readonly output: readonly FileEntry[] };
  readonly stat: { readonly input: StatJob; readonly output: FileEntry };
  /** Makes the index with which a tar file can be mounted. */
  readonly index: { readonly input: IndexJob; readonly output: boolean };
  /** What is ignored, directories for all that is in them; relative paths. */
  readonly ignored: { readonly input: IgnoredJob; readonly output: readonly string[] };
  /** Bytes of the files below a directory. */
  readonly usage: { readonly input: { readonly path: string }; readonly output: number };
  readonly change: { readonly input: ChangeJob; readonly output: true };
  /** Writes a layer tar into its channel: what leads from one tree to another. */
  readonly diff: { readonly input: DiffJob & ByteChannelEnd; readonly output: true };
  /** Writes a layer tar into its channel, as `copy` does. */
  readonly squash: { readonly input: SquashJob & ByteChannelEnd; readonly output: true };
  /** Writes a layer tar into its channel. */
  readonly copy: { readonly input: CopyJob & ByteChannelEnd; readonly output: true };
  /** The same into a file. */
  readonly 'copy-file': { readonly input: CopyJob & FileTarget; readonly output: BlobInfo };
}

export type FileJobKind = keyof FileJobs;

export interface FileJobMessage<Kind extends FileJobKind = FileJobKind> {
  readonly kind: Kind;
  readonly input: FileJobs[Kind]['input'];
}
