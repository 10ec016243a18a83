/** What a container is to mount, as it is asked for. */

export type MountSpec = BindMountSpec | VolumeMountSpec | TmpfsMountSpec;

interface MountPlace {
  /** Absolute and clean. */
  readonly target: string;
  readonly readOnly: boolean;
}

export interface BindMountSpec extends MountPlace {
  readonly type: 'bind';
  /** A path of the host, absolute and clean. */
  readonly source: string;
  /** A source that does not exist is created as a directory; otherwise it is an error. */
  readonly createsSource: boolean;
  /** Takes the mounts below `source` along. */
  readonly recursive: boolean;
  /** Whether read-only holds for mounts below it too. */
  readonly recursiveReadOnly: boolean;
  readonly propagation: Propagation;
  /** The options in short form, as the user wrote them (`ro,z`): for display only. */
  readonly writtenOptions: string;
}

export interface VolumeMountSpec extends MountPlace {
  readonly type: 'volume';
  /** Absent: a volume without a name, which goes with the container. */
  readonly name?: string;
  /** Where the volume has to be created. */
  readonly driver: string;
  readonly driverOptions?: Readonly<Record<string, string>>;
  readonly labels?: Readonly<Record<string, string>>;
  /** An empty volume gets what the image has at the target. */
  readonly copyUp: boolean;
  readonly writtenOptions: string;
}

export interface TmpfsMountSpec extends MountPlace {
  readonly type: 'tmpfs';
  /** mount(8), defaults included. */
  readonly options: readonly string[];
  /** Among the mounts that views show; those of the short flag are not. */
  readonly shown: boolean;
}

/** mount_namespaces(7) */
export type Propagation = 'private' | 'rprivate' | 'shared' | 'rshared' | 'slave' | 'rslave';
