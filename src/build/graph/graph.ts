/**
 * Graphs that clients write themselves ("LLB", BuildKit's solver/pb/ops.proto): file systems and what makes them.
 *
 * Vocabulary. An *operation* is known by the digest of its message, which names the operations it needs by theirs: what
 * refers to itself cannot be written down. It has one or several *outputs*, file systems by their numbers. Its *inputs*
 * are outputs of others; what it does speaks of them by their numbers, which count from 0.
 *
 * Life cycle. A wire verifies a definition and decodes it into a {@link Graph} → `planGraph` resolves its sources and
 * makes vertices of it, which are solved with the cache of all other builds.
 */
import type { ResourceLimit } from '#container/container-spec.ts';
import type { CacheSharing } from '#dockerfile/instructions/mount.ts';
import type { Digest } from '#oci/digest.ts';
import type { Platform } from '#oci/platform.ts';
import type { BuildStep } from '../attest/build-definition.ts';
import type { StepPlace } from '../build.ts';

export interface Graph {
  /** What the result needs, each after what it needs itself. */
  readonly operations: readonly GraphOperation[];
  /** Undefined: an empty file system. */
  readonly result: GraphOutput | undefined;
}

export interface GraphOperation {
  readonly digest: Digest;
  readonly work: GraphWork;
  readonly inputs: readonly GraphOutput[];
  /** Absent: this machine's. */
  readonly platform?: Platform;
  /** As progress displays show it. */
  readonly name: string;
  /** The cache is not asked for it. */
  readonly isFresh: boolean;
  /** The place in the file that it was made from. */
  readonly place?: StepPlace;
  /** The operation as provenance tells it: BuildKit's JSON of its message. */
  describe(): BuildStep['op'];
}

export interface GraphOutput {
  readonly operation: GraphOperation;
  readonly index: number;
}

/** The number of an input; undefined: an empty file system. */
export type InputNumber = number | undefined;

/** What an operation does. */
export type GraphWork =
  | SourceWork
  | ExecWork
  | FilesWork
  | { readonly kind: 'merge'; readonly inputs: readonly InputNumber[] }
  | { readonly kind: 'diff'; readonly lower: InputNumber; readonly upper: InputNumber }
  /** A graph that a program in another graph makes. */
  | { readonly kind: 'nested' }
  | { readonly kind: 'unknown' };

/** Files from outside: `docker-image://…`, `local://…`, `git://…`, `https://…`. */
export interface SourceWork {
  readonly kind: 'source';
  readonly identifier: string;
  readonly attributes: ReadonlyMap<string, string>;
}

export interface ExecWork {
  readonly kind: 'exec';
  readonly argv: readonly string[];
  readonly environment: readonly string[];
  readonly workingDirectory: string;
  readonly user: string;
  /** URLs by the names of their variables: `http_proxy`. */
  readonly proxies: Readonly<Record<string, string>>;
  /** `name:address`. */
  readonly extraHosts: readonly string[];
  /** Empty: that of all commands. */
  readonly hostname: string;
  readonly ulimits: readonly ResourceLimit[];
  /** Empty: the build's. */
  readonly cgroupParent: string;
  /** Empty: 0. */
  readonly validExitCodes: readonly number[];
  readonly mounts: readonly GraphMount[];
  readonly secretVariables: readonly SecretVariable[];
  readonly network: 'default' | 'host' | 'none';
  readonly isPrivileged: boolean;
  /** It asks for devices by CDI. */
  readonly needsDevices: boolean;
}

export interface SecretVariable {
  readonly id: string;
  readonly name: string;
  readonly isOptional: boolean;
}

/** What is mounted while a command runs; `target` is absolute. */
export type GraphMount =
  | GraphBindMount
  | {
      readonly kind: 'cache';
      readonly target: string;
      /** Empty: the target. */
      readonly id: string;
      readonly sharing: CacheSharing;
      readonly readOnly: boolean;
      /** What it holds at first. */
      readonly input: InputNumber;
      readonly path: string;
    }
  /** Without a limit where the size is 0. */
  | { readonly kind: 'tmpfs'; readonly target: string; readonly sizeBytes: number }
  | GraphClientMount;

/** An input; one of them is the root. */
export interface GraphBindMount {
  readonly kind: 'bind';
  readonly target: string;
  readonly input: InputNumber;
  /** An absolute path in the input. */
  readonly path: string;
  readonly readOnly: boolean;
  /** The number of the output that has what is changed; undefined: that is thrown away. */
  readonly output: number | undefined;
}

/** A secret or an agent of the client's. */
export interface GraphClientMount {
  readonly kind: 'secret' | 'ssh';
  readonly target: string;
  readonly id: string;
  readonly uid: number;
  readonly gid: number;
  readonly mode: number;
  readonly isOptional: boolean;
}

/** Changes files, one action after the other. */
interface FilesWork {
  readonly kind: 'files';
  readonly actions: readonly GraphFileAction[];
}

export interface GraphFileAction {
  /** What it changes: an input, or, counted on from the last input, what an action before it has made. */
  readonly input: InputNumber;
  /** The number of the output that it makes; undefined: none. */
  readonly output: number | undefined;
  readonly change: GraphFileChange;
}

export type GraphFileChange =
  | GraphCopy
  | (GraphMade & {
      readonly kind: 'make-file';
      readonly path: string;
      readonly mode: number;
      readonly data: Uint8Array;
    })
  | (GraphMade & {
      readonly kind: 'make-directory';
      readonly path: string;
      readonly mode: number;
      readonly withParents: boolean;
    })
  | (GraphMade & { readonly kind: 'make-link'; readonly path: string; readonly target: string })
  | {
      readonly kind: 'remove';
      readonly path: string;
      readonly isPattern: boolean;
      readonly isOptional: boolean;
    };

interface GraphMade {
  /** Absent: root's. */
  readonly owner?: GraphOwner;
  /** Absent: the time at which it is made. */
  readonly modifiedNs?: bigint;
}

export interface GraphCopy extends GraphMade {
  readonly kind: 'copy';
  /** Where the files come from, as {@link GraphFileAction.input}. */
  readonly from: InputNumber;
  readonly source: string;
  /** A slash or dot at its end says that it is a directory. */
  readonly destination: string;
  /** A number, or changes as chmod(1) has them. */
  readonly mode?: number | string;
  readonly include: readonly string[];
  readonly exclude: readonly string[];
  readonly isPattern: boolean;
  /** A pattern may match nothing. */
  readonly mayMatchNothing: boolean;
  readonly followsLinks: boolean;
  /** What a directory holds is copied, not the directory. */
  readonly copiesContents: boolean;
  readonly makesParents: boolean;
  readonly unpack: boolean;
  readonly replaces: boolean;
}

/** As in BuildKit, a group alone is root's. */
export interface GraphOwner {
  readonly user?: GraphAccount;
  readonly group?: GraphAccount;
}

export type GraphAccount =
  | { readonly id: number }
  /** Looked up in an input; undefined: in what is changed. */
  | { readonly name: string; readonly input: InputNumber };
