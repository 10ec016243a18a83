/** What is there only while a command runs. */
import type { LocalDirectory } from './origins.ts';
import type { State } from './state.ts';

export type Mount =
  | CacheMount
  | BindMount
  | { readonly kind: 'tmpfs'; readonly target: string; readonly sizeBytes?: number }
  | SecretMount
  | { readonly kind: 'ssh'; readonly id?: string; readonly target?: string; readonly required?: boolean };

export interface CacheMount {
  readonly kind: 'cache';
  readonly target: string;
  /** Equal ids share one directory, also in other builds. Default: the target. */
  readonly id?: string;
  /** What another command gets that wants it at the same time. Default: `shared`. */
  readonly sharing?: 'shared' | 'private' | 'locked';
  readonly owner?: { readonly uid: number; readonly gid: number };
  /** `0755` */
  readonly mode?: string;
}

export interface BindMount {
  readonly kind: 'bind';
  readonly target: string;
  readonly from: State | LocalDirectory;
  /** Path in it. Default: all of it. */
  readonly source?: string;
  /** What is written is thrown away afterwards. */
  readonly readWrite?: boolean;
}

export interface SecretMount {
  readonly kind: 'secret';
  readonly id: string;
  /** Default: `/run/secrets/ID`. */
  readonly target?: string;
  /** A variable that holds it, instead of a file. */
  readonly env?: string;
  /** Fail where the build was not given it. */
  readonly required?: boolean;
  readonly mode?: string;
}

/** A directory that lasts from build to build. */
export function cache(target: string, options: Omit<CacheMount, 'kind' | 'target'> = {}): CacheMount {
  return { kind: 'cache', target, ...options };
}

/** Files of another state, or of this machine. */
export function bind(target: string, options: Omit<BindMount, 'kind' | 'target'>): BindMount {
  return { kind: 'bind', target, ...options };
}

/** A file system in memory. */
export function tmpfs(target: string, options: { readonly sizeBytes?: number } = {}): Mount {
  return { kind: 'tmpfs', target, ...options };
}

/** What the build was given under this id; it is in no layer, no history and no cache key. */
export function secret(id: string, options: Omit<SecretMount, 'kind' | 'id'> = {}): SecretMount {
  return { kind: 'secret', id, ...options };
}

/** The agent that the build was given, at `SSH_AUTH_SOCK`. */
export function ssh(options: Omit<Extract<Mount, { kind: 'ssh' }>, 'kind'> = {}): Mount {
  return { kind: 'ssh', ...options };
}
