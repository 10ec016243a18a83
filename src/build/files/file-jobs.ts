/** What the worker threads of this folder are asked to do. */
import type { ErrorCode } from '#base/errors.ts';
import type { ByteChannelEnd } from '#layer/byte-channel.ts';
import type { ViewSource } from '#layer/read-only-view.ts';

/** A directory that nothing leads out of, or layers that are shown as one. */
export type Tree = string | ViewSource;

export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

export interface ChecksumJob {
  readonly source: Tree;
  /** Paths in the tree, with the wildcards of Go's filepath.Match. */
  readonly paths: readonly string[];
}

export interface CopyJob {
  /** Absent: only the directory at the destination. */
  readonly files?: ChecksumJob;
  readonly target: Tree;
  /** Absolute; a slash at the end says that it is a directory. */
  readonly destination: string;
  /** Of everything; by default what the source says, and root for directories that are made. */
  readonly owner?: Owner;
  /** Of everything that is copied, by default the source's. */
  readonly mode?: number;
}

export interface DirectoryJob {
  readonly root: string;
  /** Absolute in the root. */
  readonly path: string;
}

export interface FileJobs {
  /** A hash of names, modes, owners and contents; not of times. */
  readonly checksum: { readonly input: ChecksumJob; readonly output: string };
  /** Makes a directory in a root, where it is missing. */
  readonly directory: { readonly input: DirectoryJob; readonly output: string };
  /** Writes a layer tar into its channel. */
  readonly copy: { readonly input: CopyJob & ByteChannelEnd; readonly output: string };
}

export type FileJobKind = keyof FileJobs;

export interface FileJobMessage<Kind extends FileJobKind = FileJobKind> {
  readonly kind: Kind;
  readonly input: FileJobs[Kind]['input'];
}

export type FileJobAnswer =
  | { readonly ok: true; readonly output: string }
  | { readonly ok: false; readonly code: ErrorCode; readonly message: string };
