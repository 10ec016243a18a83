import type { RuntimeSyscallArgument } from '#oci/runtime-spec.ts';

/*
 * The file format of seccomp profiles that Docker and containers-common share (seccomp.json(5) of Podman).
 */

/** A condition on a rule: the file's `includes` (all must hold) or `excludes` (none may). */
export interface Condition {
  readonly caps?: readonly string[];
  readonly arches?: readonly string[];
  readonly minKernel?: string;
}

export interface ProfileRule {
  readonly names?: readonly string[] | null;
  /** Older files have this instead of `names`. */
  readonly name?: string;
  readonly action: string;
  readonly args?: readonly RuntimeSyscallArgument[] | null;
  readonly errnoRet?: number;
  readonly includes?: Condition;
  readonly excludes?: Condition;
}

export interface ProfileFile {
  readonly defaultAction: string;
  readonly defaultErrnoRet?: number;
  readonly architectures?: readonly string[] | null;
  readonly archMap?:
    | readonly { readonly architecture: string; readonly subArchitectures: readonly string[] | null }[]
    | null;
  readonly flags?: readonly string[];
  readonly syscalls?: readonly ProfileRule[] | null;
}
