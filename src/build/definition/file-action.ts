/** What a vertex may do to files; see `FilesVertex`. Paths are absolute, links in them are followed inside. */
import type { CopiedFiles, Vertex } from './vertex.ts';

export type FileAction = CopyAction | MakeFileAction | MakeDirectoryAction | MakeLinkAction | RemoveAction;

interface Made {
  /** Absent: root's. */
  readonly owner?: ActionOwner;
  /** Absent: the time at which it is made. */
  readonly modifiedNs?: bigint;
}

/** `user[:group]`, numbers or names. */
export interface ActionOwner {
  readonly text: string;
  /** Where names are looked up; absent: in the files that are changed. */
  readonly in?: Vertex;
}

export interface CopyAction extends Made {
  readonly kind: 'copy';
  /** The files of one path. */
  readonly files: CopiedFiles;
  /** A slash at the end says that it is a directory. */
  readonly destination: string;
  readonly mode?: number | string;
  /** A directory that exists gets a copy in it under the source's name, as cp(1) does it, not what the source holds. */
  readonly keepsDirectories: boolean;
  /** What is in the way is removed. */
  readonly replaces: boolean;
  /** The directory above the destination must be there. */
  readonly needsParent: boolean;
  /** A pattern must match something. */
  readonly needsMatch: boolean;
}

/** A file that exists is written over. */
interface MakeFileAction extends Made {
  readonly kind: 'make-file';
  readonly path: string;
  readonly mode: number;
  readonly data: Uint8Array;
}

/** A directory that exists stays as it is. */
export interface MakeDirectoryAction extends Made {
  readonly kind: 'make-directory';
  readonly path: string;
  readonly mode: number;
  readonly withParents: boolean;
}

interface MakeLinkAction extends Made {
  readonly kind: 'make-link';
  readonly path: string;
  readonly target: string;
}

/** A link at the end of the path is removed itself. */
export interface RemoveAction {
  readonly kind: 'remove';
  readonly path: string;
  readonly isPattern: boolean;
  /** It need not be there. */
  readonly isOptional: boolean;
}
