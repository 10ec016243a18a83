/** The part of `POST /containers/create` that belongs to the host. */
import {
  boolean,
  type Decoded,
  integer,
  map,
  omitEmpty,
  oneOf,
  optional,
  pair,
  slice,
  string,
  stringOrSlice,
  struct,
  unsigned,
  withZero,
} from './go-json.ts';
import { RESOURCE_FIELDS, restartPolicy } from './resources.ts';

const logConfig = struct('LogConfig', {
  /** Empty: the engine's default driver. */
  Type: string,
  Config: withZero(map(string), () => ({})),
});

const portBinding = struct('PortBinding', {
  /** Empty: every address of the host. */
  HostIp: string,
  /** A port, a range `8000-8010`, or empty or `0` for any free one. */
  HostPort: string,
});
export type PortBinding = Decoded<typeof portBinding>;

/** From `80/tcp` to where it is published; `null` where it is only exposed. */
export type PortMap = Readonly<Record<string, readonly PortBinding[] | null>>;

/** One `--mount`. */
const mountRequest = struct('Mount', {
  Type: oneOf(
    ['bind', 'volume', 'tmpfs', 'npipe', 'cluster', 'image'],
    '',
    (type) => `invalid mount config for type "${type}": mount type unknown`,
  ),
  Source: omitEmpty(string),
  Target: string,
  ReadOnly: omitEmpty(boolean),
  Consistency: omitEmpty(string),
  BindOptions: optional(
    struct('BindOptions', {
      Propagation: omitEmpty(string),
      NonRecursive: omitEmpty(boolean),
      CreateMountpoint: omitEmpty(boolean),
      ReadOnlyNonRecursive: omitEmpty(boolean),
      ReadOnlyForceRecursive: omitEmpty(boolean),
    }),
  ),
  VolumeOptions: optional(
    struct('VolumeOptions', {
      NoCopy: omitEmpty(boolean),
      Labels: omitEmpty(map(string)),
      DriverConfig: optional(struct('Driver', { Name: omitEmpty(string), Options: omitEmpty(map(string)) })),
      Subpath: omitEmpty(string),
    }),
  ),
  TmpfsOptions: optional(
    struct('TmpfsOptions', {
      SizeBytes: omitEmpty(integer),
      Mode: omitEmpty(unsigned),
      Options: omitEmpty(slice(slice(string))),
    }),
  ),
});
export type MountRequest = Decoded<typeof mountRequest>;

/** What belongs to this host: limits, mounts, ports, isolation. As sent, with Go's zeros for what was not. */
export const hostConfig = struct('HostConfig', {
  Binds: slice(string),
  ContainerIDFile: string,
  LogConfig: logConfig,
  /** `default`, `bridge`, `host`, `none`, `container:ID` or the name of a network. */
  NetworkMode: string,
  PortBindings: map(slice(portBinding)),
  RestartPolicy: restartPolicy,
  AutoRemove: boolean,
  VolumeDriver: string,
  VolumesFrom: slice(string),
  ConsoleSize: pair,
  Annotations: omitEmpty(map(string)),
  CapAdd: stringOrSlice,
  CapDrop: stringOrSlice,
  CgroupnsMode: oneOf(['private', 'host'], '', (mode) => `invalid cgroup namespace mode: ${mode}`),
  Dns: slice(string),
  DnsOptions: slice(string),
  DnsSearch: slice(string),
  ExtraHosts: slice(string),
  GroupAdd: slice(string),
  IpcMode: string,
  Cgroup: string,
  Links: slice(string),
  OomScoreAdj: integer,
  PidMode: string,
  Privileged: boolean,
  PublishAllPorts: boolean,
  ReadonlyRootfs: boolean,
  SecurityOpt: slice(string),
  StorageOpt: omitEmpty(map(string)),
  Tmpfs: omitEmpty(map(string)),
  UTSMode: string,
  UsernsMode: string,
  /** Bytes. */
  ShmSize: integer,
  Sysctls: omitEmpty(map(string)),
  Runtime: omitEmpty(string),
  Isolation: string,
  ...RESOURCE_FIELDS,
  Mounts: omitEmpty(slice(mountRequest)),
  MaskedPaths: slice(string),
  ReadonlyPaths: slice(string),
  Init: optional(boolean),
});
export type HostConfig = Decoded<typeof hostConfig>;
