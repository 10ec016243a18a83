/** What a command of a build sees while it runs, and no layer has: `RUN --mount`. */
import type { FileSource, Vertex } from './vertex.ts';
import type { CacheSharing } from '#dockerfile/instructions/mount.ts';

export type ExecMount =
  | BindMount
  | StateMount
  | CacheMount
  | TmpfsMount
  | SecretMount
  | SshMount
  | ScriptMount;

/** Files of a context, an image or a stage. */
export interface BindMount {
  readonly kind: 'bind';
  /** Absolute, as all targets are. */
  readonly target: string;
  readonly source: FileSource;
  /** A path in the source. */
  readonly path: string;
  /** What is written is thrown away. */
  readonly writable: boolean;
}

/** Files of another vertex, whose changes are kept: see `OutputVertex`. */
export interface StateMount {
  readonly kind: 'state';
  readonly target: string;
  readonly source: Vertex;
  /** A path in the source. */
  readonly path: string;
  /** Names the mount's output; unique within its command. */
  readonly number: number;
}

/** A directory that is kept between builds, and may be gone at any time between two. */
export interface CacheMount {
  readonly kind: 'cache';
  readonly target: string;
  readonly id: string;
  readonly sharing: CacheSharing;
  readonly readOnly: boolean;
  /** What it holds at first. */
  readonly initial?: { readonly source: FileSource; readonly path: string };
  /** Owner and mode of the directory when it is made. */
  readonly owner?: MountOwner;
}

interface TmpfsMount {
  readonly kind: 'tmpfs';
  readonly target: string;
  /** 0: the kernel's limit. */
  readonly sizeBytes: number;
}

/** A secret of the client's, as a file, as a variable, or both. */
export interface SecretMount {
  readonly kind: 'secret';
  readonly id: string;
  readonly target?: string;
  readonly environment?: string;
  readonly required: boolean;
  readonly owner: MountOwner;
}

/** The client's agent, as a socket. */
export interface SshMount {
  readonly kind: 'ssh';
  readonly id: string;
  readonly target: string;
  readonly required: boolean;
  readonly owner: MountOwner;
}

/** A file that is executable: a heredoc with an interpreter of its own. */
export interface ScriptMount {
  readonly kind: 'script';
  readonly target: string;
  readonly content: string;
}

export interface MountOwner {
  readonly uid: number;
  readonly gid: number;
  readonly mode: number;
}
