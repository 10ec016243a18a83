/** The limits of a create request, as the container's own control group has them. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import assert from 'node:assert/strict';
import { type Body, type OptionRow, type OptionRows, proved, refused, shown, warned } from './option-row.ts';

const MIB = 2 ** 20;
export const isUnified = existsSync('/sys/fs/cgroup/cgroup.controllers');

/** Whether this machine can weigh block I/O. */
export const weighsBlockIo =
  isUnified ||
  existsSync('/sys/fs/cgroup/blkio/blkio.weight') ||
  readdirSync('/sys/block').some((name) => readScheduler(name).includes('[bfq]'));

function readScheduler(name: string): string {
  const path = `/sys/block/${name}/queue/scheduler`;
  return existsSync(path) ? readFileSync(path, 'utf8') : '';
}

/** A block device of this machine. */
export const DISK = `/dev/${['vda', 'sda', 'nvme0n1', 'loop0'].find((name) => existsSync(`/dev/${name}`))}`;

/** `file` of cgroup v1 with the first value, of v2 with the second. */
export function limit(
  HostConfig: Body,
  [file, value]: readonly [string, RegExp],
  [unifiedFile, unifiedValue]: readonly [string, RegExp],
): OptionRow {
  const path = isUnified ? unifiedFile : file;
  return shown('main', { HostConfig }, `cat /sys/fs/cgroup/${path}`, isUnified ? unifiedValue : value);
}

/** What cgroup v2 has not. */
function formerLimit(HostConfig: Body, file: string, value: RegExp, warning: RegExp): OptionRow {
  if (isUnified) return warned({ HostConfig }, warning);
  return shown('main', { HostConfig }, `cat /sys/fs/cgroup/${file}`, value);
}

function rate(field: string, file: string, unified: RegExp): Readonly<Record<string, OptionRow>> {
  const HostConfig = { [field]: [{ Path: DISK, Rate: 1_048_576 }] };
  const row = limit(HostConfig, [`blkio/blkio.throttle.${file}`, /^\d+:\d+ 1048576$/], ['io.max', unified]);
  return { [`HostConfig.${field}.Path`]: row, [`HostConfig.${field}.Rate`]: row };
}

const WEIGHT_DEVICE = weighsBlockIo
  ? refused(
      { HostConfig: { BlkioWeightDevice: [{ Path: DISK, Weight: 5 }] } },
      /^Range of blkio weight is from 10 to 1000$/,
    )
  : warned(
      { HostConfig: { BlkioWeightDevice: [{ Path: DISK, Weight: 100 }] } },
      /^Your kernel does not support Block I\/O weight_device or the cgroup is not mounted\. Weight-device discarded\.$/,
    );

/** Reading it takes a capability, too. */
const DEVICE = {
  HostConfig: {
    CapAdd: ['SYSLOG'],
    Devices: [{ PathOnHost: '/dev/kmsg', PathInContainer: '/dev/option', CgroupPermissions: 'r' }],
  },
};
const ULIMIT = { HostConfig: { Ulimits: [{ Name: 'nofile', Soft: 100, Hard: 200 }] } };
const OPEN_FILES = "awk '/open files/ {print $4, $5}' /proc/1/limits";
const DEVICE_REQUEST = refused(
  {
    HostConfig: {
      DeviceRequests: [{ Driver: '', Count: -1, DeviceIDs: ['0'], Capabilities: [['gpu']], Options: {} }],
    },
  },
  /^could not select device driver "" with capabilities: \[\[gpu\]\]$/,
);

export const LIMIT_ROWS: OptionRows = {
  'HostConfig.CpuShares': limit({ CpuShares: 512 }, ['cpu/cpu.shares', /^512$/], ['cpu.weight', /^\d+$/]),
  'HostConfig.Memory': limit(
    { Memory: 64 * MIB },
    ['memory/memory.limit_in_bytes', /^67108864$/],
    ['memory.max', /^67108864$/],
  ),
  'HostConfig.CgroupParent': proved(
    'alone',
    { HostConfig: { CgroupParent: '/caisson-options' } },
    async ({ pid, id }) => {
      assert.match(readFileSync(`/proc/${pid}/cgroup`, 'utf8'), new RegExp(`:/caisson-options/${id}$`, 'm'));
    },
  ),
  'HostConfig.BlkioWeight': weighsBlockIo
    ? refused({ HostConfig: { BlkioWeight: 5 } }, /^Range of blkio weight is from 10 to 1000$/)
    : warned(
        { HostConfig: { BlkioWeight: 500 } },
        /^Your kernel does not support Block I\/O weight or the cgroup is not mounted\. Weight discarded\.$/,
      ),
  'HostConfig.BlkioWeightDevice.Path': WEIGHT_DEVICE,
  'HostConfig.BlkioWeightDevice.Weight': WEIGHT_DEVICE,
  ...rate('BlkioDeviceReadBps', 'read_bps_device', /rbps=1048576/),
  ...rate('BlkioDeviceWriteBps', 'write_bps_device', /wbps=1048576/),
  ...rate('BlkioDeviceReadIOps', 'read_iops_device', /riops=1048576/),
  ...rate('BlkioDeviceWriteIOps', 'write_iops_device', /wiops=1048576/),
  'HostConfig.CpuPeriod': limit(
    { CpuPeriod: 50_000 },
    ['cpu/cpu.cfs_period_us', /^50000$/],
    ['cpu.max', / 50000$/],
  ),
  'HostConfig.CpuQuota': limit(
    { CpuQuota: 25_000 },
    ['cpu/cpu.cfs_quota_us', /^25000$/],
    ['cpu.max', /^25000 /],
  ),
  'HostConfig.CpuRealtimePeriod': refused(
    { HostConfig: { CpuRealtimePeriod: 1000, CpuRealtimeRuntime: 2000 } },
    /^cpu real-time runtime cannot be higher than cpu real-time period$/,
  ),
  'HostConfig.CpuRealtimeRuntime': refused(
    { HostConfig: { CpuRealtimePeriod: 1000, CpuRealtimeRuntime: 2000 } },
    /^cpu real-time runtime cannot be higher than cpu real-time period$/,
  ),
  'HostConfig.CpusetCpus': limit({ CpusetCpus: '0' }, ['cpuset/cpuset.cpus', /^0$/], ['cpuset.cpus', /^0$/]),
  'HostConfig.CpusetMems': limit({ CpusetMems: '0' }, ['cpuset/cpuset.mems', /^0$/], ['cpuset.mems', /^0$/]),
  'HostConfig.Devices.PathOnHost': shown('main', DEVICE, 'stat -c %t:%T /dev/option', /^1:b$/),
  'HostConfig.Devices.PathInContainer': shown('main', {}, 'ls /dev/option', /^\/dev\/option$/),
  'HostConfig.Devices.CgroupPermissions': shown(
    'main',
    {},
    'exec 3</dev/option && echo read; (exec 4>/dev/option) 2>&1',
    /^read\n.*Operation not permitted/,
  ),
  'HostConfig.DeviceCgroupRules': shown(
    'main',
    { HostConfig: { DeviceCgroupRules: ['c 10:999 rwm'] } },
    'mknod /tmp/one c 10 999; mknod /tmp/other c 10 998; cat /tmp/one 2>&1; cat /tmp/other 2>&1',
    /No such (device|device or address)\n.*not permitted/,
  ),
  'HostConfig.DeviceRequests.Driver': DEVICE_REQUEST,
  'HostConfig.DeviceRequests.Count': DEVICE_REQUEST,
  'HostConfig.DeviceRequests.DeviceIDs': DEVICE_REQUEST,
  'HostConfig.DeviceRequests.Capabilities': DEVICE_REQUEST,
  'HostConfig.DeviceRequests.Options': DEVICE_REQUEST,
  'HostConfig.MemoryReservation': limit(
    { MemoryReservation: 32 * MIB },
    ['memory/memory.soft_limit_in_bytes', /^33554432$/],
    ['memory.low', /^33554432$/],
  ),
  'HostConfig.MemorySwap': limit(
    { MemorySwap: 96 * MIB },
    ['memory/memory.memsw.limit_in_bytes', /^100663296$/],
    ['memory.swap.max', /^33554432$/],
  ),
  'HostConfig.MemorySwappiness': formerLimit(
    { MemorySwappiness: 10 },
    'memory/memory.swappiness',
    /^10$/,
    /Memory swappiness discarded\.$/,
  ),
  'HostConfig.NanoCpus': shown(
    'alone',
    { HostConfig: { NanoCpus: 5e8 } },
    isUnified ? 'cat /sys/fs/cgroup/cpu.max' : 'cat /sys/fs/cgroup/cpu/cpu.cfs_quota_us',
    /^50000/,
  ),
  'HostConfig.OomKillDisable': formerLimit(
    { OomKillDisable: true },
    'memory/memory.oom_control',
    /^oom_kill_disable 1$/m,
    /OomKillDisable discarded\.$/,
  ),
  'HostConfig.Init': shown(
    'alone',
    { HostConfig: { Init: true } },
    "tr '\\0' ' ' </proc/1/cmdline",
    /^\/sbin\/docker-init -- /,
  ),
  'HostConfig.PidsLimit': limit({ PidsLimit: 77 }, ['pids/pids.max', /^77$/], ['pids.max', /^77$/]),
  'HostConfig.Ulimits.Name': shown('main', ULIMIT, OPEN_FILES, /^100 200$/),
  'HostConfig.Ulimits.Soft': shown('main', {}, OPEN_FILES, /^100 /),
  'HostConfig.Ulimits.Hard': shown('main', {}, OPEN_FILES, / 200$/),
  'HostConfig.CpuCount': warned(
    { HostConfig: { CpuCount: 1 } },
    /^linux does not support CPU count\. Count discarded\.$/,
  ),
  'HostConfig.CpuPercent': warned(
    { HostConfig: { CpuPercent: 10 } },
    /^linux does not support CPU percent\. Percent discarded\.$/,
  ),
  'HostConfig.IOMaximumIOps': refused(
    { HostConfig: { IOMaximumIOps: 1 } },
    /^Invalid QoS settings: linux does not support configuration of maximum IOPs$/,
  ),
  'HostConfig.IOMaximumBandwidth': refused(
    { HostConfig: { IOMaximumBandwidth: 1 } },
    /^Invalid QoS settings: linux does not support configuration of maximum bandwidth$/,
  ),
};
