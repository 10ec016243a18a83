/** What a container is to mount, as it is asked for. */

export type MountPropagation = 'private' | 'rprivate' | 'shared' | 'rshared' | 'slave' | 'rslave';

export type MountSpec = BindMountSpec | VolumeMountSpec | TmpfsMountSpec;

interface MountPlace {
  /** Absolute. */
  readonly target: string;
  readonly readOnly: boolean;
}

export interface BindMountSpec extends MountPlace {
  readonly type: 'bind';
  /** A path of the host, absolute. */
  readonly source: string;
  /** A source that does not exist is created as a directory; otherwise it is an error. */
  readonly createsSource: boolean;
  /** Takes the mounts below `source` along. */
  readonly recursive: boolean;
  /** Whether read-only holds for mounts below it too. */
  readonly recursiveReadOnly: boolean;
  readonly propagation: MountPropagation;
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
  /** A directory in the volume that is mounted instead of all of it. */
  readonly subpath?: string;
  /** An empty volume gets what the image has at the target. */
  readonly copyUp: boolean;
  readonly writtenOptions: string;
}

export interface TmpfsMountSpec extends MountPlace {
  readonly type: 'tmpfs';
  /** As in mount(8) and tmpfs(5); what they do not say is `noexec`, `nosuid`, `nodev` and `rprivate`. */
  readonly options: readonly string[];
  /** Among the mounts that views show; those of the short flag are not. */
  readonly shown: boolean;
}
