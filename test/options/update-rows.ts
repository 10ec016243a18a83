/** What can be changed of a container that runs. */
import { DISK, isUnified, weighsBlockIo } from './limit-rows.ts';
import { type Body, type OptionRow, type OptionRows, refused, shown, warned } from './option-row.ts';

const MIB = 2 ** 20;

/** A file of the container's control group: of version 1 with the first value, of version 2 with the second. */
function changes(
  body: Body,
  former: readonly [file: string, value: RegExp],
  unified: readonly [file: string, value: RegExp],
): OptionRow {
  const [file, value] = isUnified ? unified : former;
  return shown('main', body, `cat /sys/fs/cgroup/${file}`, value);
}

const keeps = (field: string, value: unknown) =>
  warned(
    { [field]: value },
    new RegExp(`^${field} cannot be changed by an update: the container keeps what it was`),
  );

function rate(field: string, file: string, unified: RegExp): OptionRows {
  const path = `blkio/blkio.throttle.${file}`;
  const row = changes(
    { [field]: [{ Path: DISK, Rate: 2_097_152 }] },
    [path, /^\d+:\d+ 2097152$/],
    ['io.max', unified],
  );
  return { [`${field}.Path`]: row, [`${field}.Rate`]: row };
}

const formerOnly = (body: Body, file: string, value: RegExp, warning: RegExp): OptionRow =>
  isUnified ? warned(body, warning) : shown('main', body, `cat /sys/fs/cgroup/${file}`, value);

const device = [{ PathOnHost: '/dev/null', PathInContainer: '/dev/x', CgroupPermissions: 'r' }];
const ulimit = [{ Name: 'nofile', Soft: 10, Hard: 10 }];
const request = [{ Driver: '', Count: 1, DeviceIDs: null, Capabilities: [['gpu']], Options: {} }];
const weight = weighsBlockIo
  ? refused({ BlkioWeight: 5 }, /^Range of blkio weight is from 10 to 1000$/)
  : warned({ BlkioWeight: 500 }, /Weight discarded\.$/);
const deviceWeight = weighsBlockIo
  ? refused({ BlkioWeightDevice: [{ Path: DISK, Weight: 5 }] }, /^Range of blkio weight is from 10 to 1000$/)
  : warned({ BlkioWeightDevice: [{ Path: DISK, Weight: 100 }] }, /Weight-device discarded\.$/);
const realtime = refused(
  { CpuRealtimePeriod: 1000, CpuRealtimeRuntime: 2000 },
  /^cpu real-time runtime cannot be higher than cpu real-time period$/,
);

export const UPDATE_ROWS: OptionRows = {
  CpuShares: changes({ CpuShares: 256 }, ['cpu/cpu.shares', /^256$/], ['cpu.weight', /^\d+$/]),
  Memory: changes(
    { Memory: 64 * MIB, MemorySwap: 96 * MIB },
    ['memory/memory.limit_in_bytes', /^67108864$/],
    ['memory.max', /^67108864$/],
  ),
  MemorySwap: changes(
    { Memory: 64 * MIB, MemorySwap: 96 * MIB },
    ['memory/memory.memsw.limit_in_bytes', /^100663296$/],
    ['memory.swap.max', /^33554432$/],
  ),
  MemoryReservation: changes(
    { MemoryReservation: 32 * MIB },
    ['memory/memory.soft_limit_in_bytes', /^33554432$/],
    ['memory.low', /^33554432$/],
  ),
  MemorySwappiness: formerOnly(
    { MemorySwappiness: 20 },
    'memory/memory.swappiness',
    /^20$/,
    /swappiness discarded\.$/,
  ),
  OomKillDisable: formerOnly(
    { OomKillDisable: true },
    'memory/memory.oom_control',
    /^oom_kill_disable 1$/m,
    /OomKillDisable discarded\.$/,
  ),
  CpuPeriod: changes({ CpuPeriod: 40_000 }, ['cpu/cpu.cfs_period_us', /^40000$/], ['cpu.max', / 40000$/]),
  CpuQuota: changes({ CpuQuota: 20_000 }, ['cpu/cpu.cfs_quota_us', /^20000$/], ['cpu.max', /^20000 /]),
  CpusetCpus: changes({ CpusetCpus: '0' }, ['cpuset/cpuset.cpus', /^0$/], ['cpuset.cpus', /^0$/]),
  CpusetMems: changes({ CpusetMems: '0' }, ['cpuset/cpuset.mems', /^0$/], ['cpuset.mems', /^0$/]),
  PidsLimit: changes({ PidsLimit: 66 }, ['pids/pids.max', /^66$/], ['pids.max', /^66$/]),
  'PidsLimit (none)': changes({ PidsLimit: 0 }, ['pids/pids.max', /^max$/], ['pids.max', /^max$/]),
  'PidsLimit (negative)': changes({ PidsLimit: -1 }, ['pids/pids.max', /^max$/], ['pids.max', /^max$/]),
  ...rate('BlkioDeviceReadBps', 'read_bps_device', /rbps=2097152/),
  ...rate('BlkioDeviceWriteBps', 'write_bps_device', /wbps=2097152/),
  ...rate('BlkioDeviceReadIOps', 'read_iops_device', /riops=2097152/),
  ...rate('BlkioDeviceWriteIOps', 'write_iops_device', /wiops=2097152/),
  BlkioWeight: weight,
  'BlkioWeightDevice.Path': deviceWeight,
  'BlkioWeightDevice.Weight': deviceWeight,
  CpuRealtimePeriod: realtime,
  CpuRealtimeRuntime: realtime,
  NanoCpus: refused(
    { NanoCpus: 1e9 },
    /^Cannot update container \w+: Conflicting options: Nano CPUs cannot be updated as CPU (Period|Quota) has already been set$/,
    409,
  ),
  'NanoCpus (high)': refused({ NanoCpus: 1e15 }, /^Range of CPUs is from 0\.01 to/),
  'NanoCpus (with a quota)': refused(
    { NanoCpus: 1e9, CpuQuota: 5000 },
    /^Conflicting options: Nano CPUs and CPU Quota cannot/,
  ),
  'Memory (above swap)': refused(
    { Memory: 512 * MIB },
    /^Cannot update container \w+: Memory limit should be smaller than already set memoryswap limit/,
    409,
  ),
  'CpusetCpus (absent)': refused({ CpusetCpus: '999' }, /^Requested CPUs are not available - requested 999/),
  CgroupParent: keeps('CgroupParent', '/other'),
  'Devices.PathOnHost': keeps('Devices', device),
  'Devices.PathInContainer': keeps('Devices', device),
  'Devices.CgroupPermissions': keeps('Devices', device),
  DeviceCgroupRules: keeps('DeviceCgroupRules', ['c 1:3 rwm']),
  'DeviceRequests.Driver': keeps('DeviceRequests', request),
  'DeviceRequests.Count': keeps('DeviceRequests', request),
  'DeviceRequests.DeviceIDs': keeps('DeviceRequests', request),
  'DeviceRequests.Capabilities': keeps('DeviceRequests', request),
  'DeviceRequests.Options': keeps('DeviceRequests', request),
  Init: keeps('Init', true),
  'Ulimits.Name': keeps('Ulimits', ulimit),
  'Ulimits.Soft': keeps('Ulimits', ulimit),
  'Ulimits.Hard': keeps('Ulimits', ulimit),
  CpuCount: warned({ CpuCount: 1 }, /^linux does not support CPU count\. Count discarded\.$/),
  CpuPercent: warned({ CpuPercent: 10 }, /^linux does not support CPU percent\. Percent discarded\.$/),
  IOMaximumIOps: refused({ IOMaximumIOps: 1 }, /^Invalid QoS settings: linux does not support/),
  IOMaximumBandwidth: refused({ IOMaximumBandwidth: 1 }, /^Invalid QoS settings: linux does not support/),
  'RestartPolicy.Name': warned(
    { RestartPolicy: { Name: 'always' } },
    /^The restart policy always has no effect: this engine does not restart containers by itself yet\.$/,
  ),
  'RestartPolicy.MaximumRetryCount': refused(
    { RestartPolicy: { Name: 'always', MaximumRetryCount: 3 } },
    /^invalid restart policy: maximum retry count can only be used with 'on-failure'$/,
  ),
};
