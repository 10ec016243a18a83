/** What `RUN --mount` can ask for. */

export type CacheSharing = 'shared' | 'private' | 'locked';

interface MountBase {
  /** As written: relative ones are under the working directory. Empty: the type's default, where it has one. */
  readonly target: string;
  readonly readOnly: boolean;
}

export interface FileOwner {
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
}

interface BindMount extends MountBase {
  readonly type: 'bind';
  /** A stage, named context or image; undefined: the build context. */
  readonly from?: string;
  readonly source: string;
}

interface CacheMount extends MountBase, FileOwner {
  readonly type: 'cache';
  /** Empty: the cleaned target names the cache. */
  readonly id: string;
  readonly from?: string;
  readonly source: string;
  readonly sharing: CacheSharing;
}

interface TmpfsMount extends MountBase {
  readonly type: 'tmpfs';
  /** 0: the kernel's limit. */
  readonly sizeBytes: number;
}

interface SecretMount extends MountBase, FileOwner {
  readonly type: 'secret';
  readonly id: string;
  readonly required: boolean;
  /** The variable that gets the secret. Without a target there is then no file. Empty: the id. */
  readonly environment?: string;
}

interface SshMount extends MountBase, FileOwner {
  readonly type: 'ssh';
  /** Empty: `default`. */
  readonly id: string;
  readonly required: boolean;
}

export type MountOptions = BindMount | CacheMount | TmpfsMount | SecretMount | SshMount;
export type MountType = MountOptions['type'];
