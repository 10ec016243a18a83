/** The part of `POST /containers/create` that belongs to the host. */
import type { HostConfig, LogConfig, MountRequest } from './container.ts';
import { RESOURCE_FIELDS, restartPolicy } from './decode-resources.ts';
import {
  boolean,
  integer,
  map,
  omitEmpty,
  oneOf,
  optional,
  pair,
  required,
  slice,
  string,
  struct,
  unsigned,
  withZero,
} from './go-json.ts';
import type { PortBinding } from './network.ts';

const logConfig = struct<LogConfig>('LogConfig', {
  Type: required(string),
  Config: required(withZero(map(string), () => ({}))),
});

const portMap = map(
  slice(struct<PortBinding>('PortBinding', { HostIp: required(string), HostPort: required(string) })),
);

const bindOptions = struct<NonNullable<MountRequest['BindOptions']>>('BindOptions', {
  Propagation: omitEmpty(string),
  NonRecursive: omitEmpty(boolean),
  CreateMountpoint: omitEmpty(boolean),
  ReadOnlyNonRecursive: omitEmpty(boolean),
  ReadOnlyForceRecursive: omitEmpty(boolean),
});

type VolumeOptions = NonNullable<MountRequest['VolumeOptions']>;

const volumeOptions = struct<VolumeOptions>('VolumeOptions', {
  NoCopy: omitEmpty(boolean),
  Labels: omitEmpty(map(string)),
  DriverConfig: optional(
    struct<NonNullable<VolumeOptions['DriverConfig']>>('Driver', {
      Name: omitEmpty(string),
      Options: omitEmpty(map(string)),
    }),
  ),
  Subpath: omitEmpty(string),
});

const mountType = oneOf(
  ['bind', 'volume', 'tmpfs', 'npipe', 'cluster', 'image'],
  'volume',
  (type) => `invalid mount config for type "${type}": mount type unknown`,
);

const mountRequest = struct<MountRequest>('Mount', {
  Type: required(mountType),
  Source: omitEmpty(string),
  Target: required(string),
  ReadOnly: omitEmpty(boolean),
  Consistency: omitEmpty(string),
  BindOptions: optional(bindOptions),
  VolumeOptions: optional(volumeOptions),
  TmpfsOptions: optional(
    struct<NonNullable<MountRequest['TmpfsOptions']>>('TmpfsOptions', {
      SizeBytes: omitEmpty(integer),
      Mode: omitEmpty(unsigned),
      Options: omitEmpty(slice(slice(string))),
    }),
  ),
});

/** As sent, with Go's zeros for what was not. */
export const hostConfig = struct<HostConfig>('HostConfig', {
  Binds: required(slice(string)),
  ContainerIDFile: required(string),
  LogConfig: required(logConfig),
  NetworkMode: required(string),
  PortBindings: required(portMap),
  RestartPolicy: required(restartPolicy),
  AutoRemove: required(boolean),
  VolumeDriver: required(string),
  VolumesFrom: required(slice(string)),
  ConsoleSize: required(pair),
  Annotations: omitEmpty(map(string)),
  CapAdd: required(slice(string)),
  CapDrop: required(slice(string)),
  CgroupnsMode: required(oneOf(['private', 'host'], '', (mode) => `invalid cgroup namespace mode: ${mode}`)),
  Dns: required(slice(string)),
  DnsOptions: required(slice(string)),
  DnsSearch: required(slice(string)),
  ExtraHosts: required(slice(string)),
  GroupAdd: required(slice(string)),
  IpcMode: required(string),
  Cgroup: required(string),
  Links: required(slice(string)),
  OomScoreAdj: required(integer),
  PidMode: required(string),
  Privileged: required(boolean),
  PublishAllPorts: required(boolean),
  ReadonlyRootfs: required(boolean),
  SecurityOpt: required(slice(string)),
  StorageOpt: omitEmpty(map(string)),
  Tmpfs: omitEmpty(map(string)),
  UTSMode: required(string),
  UsernsMode: required(string),
  ShmSize: required(integer),
  Sysctls: omitEmpty(map(string)),
  Runtime: omitEmpty(string),
  Isolation: required(string),
  ...RESOURCE_FIELDS,
  Mounts: omitEmpty(slice(mountRequest)),
  MaskedPaths: required(slice(string)),
  ReadonlyPaths: required(slice(string)),
  Init: optional(boolean),
});
