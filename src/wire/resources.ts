/** The limits that `POST /containers/create` and `POST /containers/{id}/update` have in common. */
import {
  boolean,
  type Decoded,
  integer,
  map,
  nullable,
  oneOf,
  slice,
  string,
  struct,
  unsigned16,
  unsigned64,
} from './go-json.ts';

const throttleDevice = struct('ThrottleDevice', { Path: string, Rate: unsigned64 });
export type ThrottleDevice = Decoded<typeof throttleDevice>;

const weightDevice = struct('WeightDevice', { Path: string, Weight: unsigned16 });

const deviceMapping = struct('DeviceMapping', {
  PathOnHost: string,
  PathInContainer: string,
  CgroupPermissions: string,
});
export type DeviceMapping = Decoded<typeof deviceMapping>;

const deviceRequest = struct('DeviceRequest', {
  Driver: string,
  /** -1: all. */
  Count: integer,
  DeviceIDs: slice(string),
  Capabilities: slice(slice(string)),
  Options: map(string),
});
export type DeviceRequest = Decoded<typeof deviceRequest>;

const ulimit = struct('Ulimit', { Name: string, Hard: integer, Soft: integer });
export type Ulimit = Decoded<typeof ulimit>;

export const restartPolicy = struct('RestartPolicy', {
  Name: oneOf(
    ['no', 'always', 'unless-stopped', 'on-failure'],
    '',
    (name) =>
      `invalid restart policy: unknown policy '${name}'; use one of 'no', 'always', 'on-failure', or 'unless-stopped'`,
  ),
  MaximumRetryCount: integer,
});
export type RestartPolicy = Decoded<typeof restartPolicy>;

/** The fields of a `HostConfig` that `update` may change too. */
export const RESOURCE_FIELDS = {
  CpuShares: integer,
  /** Bytes; 0 is without limit. */
  Memory: integer,
  NanoCpus: integer,
  CgroupParent: string,
  BlkioWeight: unsigned16,
  BlkioWeightDevice: slice(weightDevice),
  BlkioDeviceReadBps: slice(throttleDevice),
  BlkioDeviceWriteBps: slice(throttleDevice),
  BlkioDeviceReadIOps: slice(throttleDevice),
  BlkioDeviceWriteIOps: slice(throttleDevice),
  /** Microseconds. */
  CpuPeriod: integer,
  CpuQuota: integer,
  CpuRealtimePeriod: integer,
  CpuRealtimeRuntime: integer,
  CpusetCpus: string,
  CpusetMems: string,
  Devices: slice(deviceMapping),
  DeviceCgroupRules: slice(string),
  DeviceRequests: slice(deviceRequest),
  MemoryReservation: integer,
  /** Bytes of memory and swap together; -1 is without limit. */
  MemorySwap: integer,
  MemorySwappiness: nullable(integer),
  OomKillDisable: nullable(boolean),
  PidsLimit: nullable(integer),
  Ulimits: slice(ulimit),
  CpuCount: integer,
  CpuPercent: integer,
  IOMaximumIOps: integer,
  IOMaximumBandwidth: integer,
};
