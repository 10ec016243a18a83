/** The limits that `POST /containers/create` and `POST /containers/{id}/update` have in common. */
import type {
  DeviceMapping,
  DeviceRequest,
  HostConfig,
  RestartPolicy,
  ThrottleDevice,
  Ulimit,
} from './container.ts';
import {
  boolean,
  integer,
  map,
  nullable,
  oneOf,
  required,
  slice,
  string,
  struct,
  unsigned16,
  unsigned64,
} from './go-json.ts';

const throttleDevices = slice(
  struct<ThrottleDevice>('ThrottleDevice', { Path: required(string), Rate: required(unsigned64) }),
);

const weightDevices = slice(
  struct<{ readonly Path: string; readonly Weight: number }>('WeightDevice', {
    Path: required(string),
    Weight: required(unsigned16),
  }),
);

const deviceMapping = struct<DeviceMapping>('DeviceMapping', {
  PathOnHost: required(string),
  PathInContainer: required(string),
  CgroupPermissions: required(string),
});

const deviceRequest = struct<DeviceRequest>('DeviceRequest', {
  Driver: required(string),
  Count: required(integer),
  DeviceIDs: required(slice(string)),
  Capabilities: required(slice(slice(string))),
  Options: required(map(string)),
});

const ulimit = struct<Ulimit>('Ulimit', {
  Name: required(string),
  Hard: required(integer),
  Soft: required(integer),
});

export const restartPolicy = struct<RestartPolicy>('RestartPolicy', {
  Name: required(
    oneOf(
      ['no', 'always', 'unless-stopped', 'on-failure'],
      '',
      (name) =>
        `invalid restart policy: unknown policy '${name}'; use one of 'no', 'always', 'on-failure', or 'unless-stopped'`,
    ),
  ),
  MaximumRetryCount: required(integer),
});

/** The part of {@link HostConfig} that `update` may change too. */
export type Resources = Pick<
  HostConfig,
  | 'CpuShares'
  | 'Memory'
  | 'NanoCpus'
  | 'CgroupParent'
  | 'BlkioWeight'
  | 'BlkioWeightDevice'
  | 'BlkioDeviceReadBps'
  | 'BlkioDeviceWriteBps'
  | 'BlkioDeviceReadIOps'
  | 'BlkioDeviceWriteIOps'
  | 'CpuPeriod'
  | 'CpuQuota'
  | 'CpuRealtimePeriod'
  | 'CpuRealtimeRuntime'
  | 'CpusetCpus'
  | 'CpusetMems'
  | 'Devices'
  | 'DeviceCgroupRules'
  | 'DeviceRequests'
  | 'MemoryReservation'
  | 'MemorySwap'
  | 'MemorySwappiness'
  | 'OomKillDisable'
  | 'PidsLimit'
  | 'Ulimits'
  | 'CpuCount'
  | 'CpuPercent'
  | 'IOMaximumIOps'
  | 'IOMaximumBandwidth'
>;

export const RESOURCE_FIELDS = {
  CpuShares: required(integer),
  Memory: required(integer),
  NanoCpus: required(integer),
  CgroupParent: required(string),
  BlkioWeight: required(unsigned16),
  BlkioWeightDevice: required(weightDevices),
  BlkioDeviceReadBps: required(throttleDevices),
  BlkioDeviceWriteBps: required(throttleDevices),
  BlkioDeviceReadIOps: required(throttleDevices),
  BlkioDeviceWriteIOps: required(throttleDevices),
  CpuPeriod: required(integer),
  CpuQuota: required(integer),
  CpuRealtimePeriod: required(integer),
  CpuRealtimeRuntime: required(integer),
  CpusetCpus: required(string),
  CpusetMems: required(string),
  Devices: required(slice(deviceMapping)),
  DeviceCgroupRules: required(slice(string)),
  DeviceRequests: required(slice(deviceRequest)),
  MemoryReservation: required(integer),
  MemorySwap: required(integer),
  MemorySwappiness: required(nullable(integer)),
  OomKillDisable: required(nullable(boolean)),
  PidsLimit: required(nullable(integer)),
  Ulimits: required(slice(ulimit)),
  CpuCount: required(integer),
  CpuPercent: required(integer),
  IOMaximumIOps: required(integer),
  IOMaximumBandwidth: required(integer),
} as const;
