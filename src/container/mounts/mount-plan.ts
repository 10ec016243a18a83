import type { MountPropagation } from '#container/mount-spec.ts';
import type { VolumeSpec } from '#volume/volume.ts';

/** What a container will mount besides the standard file systems: plain data, decided when it is created. */
export interface MountPlan {
  /** In no particular order; destinations are absolute, clean and different. */
  readonly mounts: readonly PlannedMount[];
}

export type PlannedMount = PlannedBind | PlannedVolume | PlannedTmpfs;

export interface PlannedBind {
  readonly type: 'bind';
  readonly destination: string;
  /** A path of the host, absolute and clean. */
  readonly source: string;
  readonly readonly: boolean;
  /** Whether read-only holds for mounts below it too. */
  readonly readonlyRecursive: boolean;
  /** True if the mounts below `source` come along. */
  readonly recursive: boolean;
  readonly propagation: MountPropagation;
  /** The options as they were given. */
  readonly mode: string;
  /** A source that does not exist is created as a directory (`-v`), or an error (`--mount`). */
  readonly createSource: boolean;
}

export interface PlannedVolume {
  readonly type: 'volume';
  readonly destination: string;
  readonly name: string;
  readonly driver: string;
  /** Creates the volume where it does not exist. */
  readonly request: VolumeSpec;
  /** True for a volume without a name of its own, which `rm -v` removes. */
  readonly anonymous: boolean;
  readonly readonly: boolean;
  readonly mode: string;
  /** An empty volume gets what the image has at the destination. */
  readonly copyUp: boolean;
}

export interface PlannedTmpfs {
  readonly type: 'tmpfs';
  readonly destination: string;
  readonly readonly: boolean;
  /** All of them, defaults included. */
  readonly options: readonly string[];
  /** `--tmpfs` mounts are not among the mounts that inspect shows, `--mount type=tmpfs` are. */
  readonly shown: boolean;
}
