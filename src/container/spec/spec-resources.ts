import { statSync } from 'node:fs';
import { EngineError } from '#base/errors.ts';
import { splitDeviceNumber } from '#linux/files.ts';
import type {
  RuntimeDeviceRule,
  RuntimeResources,
  RuntimeThrottleDevice,
  RuntimeWeightDevice,
} from '#oci/runtime-spec.ts';
import type { HostConfig, ThrottleDevice } from '#wire/container.ts';

/** What may be used without asking: zero, null, urandom, random, tty, console. Not FUSE. */
const STANDARD_DEVICES: readonly RuntimeDeviceRule[] = [
  { allow: false, access: 'rwm' },
  { allow: true, type: 'c', major: 1, minor: 5, access: 'rwm' },
  { allow: true, type: 'c', major: 1, minor: 3, access: 'rwm' },
  { allow: true, type: 'c', major: 1, minor: 9, access: 'rwm' },
  { allow: true, type: 'c', major: 1, minor: 8, access: 'rwm' },
  { allow: true, type: 'c', major: 5, minor: 0, access: 'rwm' },
  { allow: true, type: 'c', major: 5, minor: 1, access: 'rwm' },
  { allow: false, type: 'c', major: 10, minor: 229, access: 'rwm' },
];

/**
 * A container's limits. What cgroup v2 has not (swappiness, disabling the OOM killer) is left out there.
 *
 * @param deviceRules for the devices that the container gets besides the standard ones
 */
export function specResources(
  hostConfig: HostConfig,
  deviceRules: readonly RuntimeDeviceRule[],
  cgroupVersion: 1 | 2,
): RuntimeResources {
  const ownRules = (hostConfig.DeviceCgroupRules ?? []).map(parseDeviceRule);
  return {
    devices: [...STANDARD_DEVICES, ...deviceRules, ...ownRules],
    memory: memoryOf(hostConfig, cgroupVersion),
    cpu: cpuOf(hostConfig),
    pids: pidsOf(hostConfig),
    blockIO: blockIoOf(hostConfig),
  };
}

type Memory = NonNullable<RuntimeResources['memory']>;
type Cpu = NonNullable<RuntimeResources['cpu']>;
type BlockIo = NonNullable<RuntimeResources['blockIO']>;

function memoryOf(hostConfig: HostConfig, cgroupVersion: 1 | 2): Memory {
  const { Memory: limit, MemorySwap: swap, MemorySwappiness: swappiness } = hostConfig;
  const own = cgroupVersion === 1;
  return {
    limit: limit > 0 ? limit : undefined,
    reservation: nonZero(hostConfig.MemoryReservation),
    swap: limit > 0 ? swapOf(limit, swap) : undefined,
    swappiness: own && swappiness !== null && swappiness >= 0 ? swappiness : undefined,
    disableOOMKiller: own && hostConfig.OomKillDisable ? true : undefined,
  };
}

/** Docker's default: as much swap again as memory. */
function swapOf(limit: number, swap: number): number {
  return swap === 0 ? limit * 2 : swap;
}

function nonZero(value: number): number | undefined {
  return value === 0 ? undefined : value;
}

/** The kernel's default period. */
const DEFAULT_PERIOD_MICROSECONDS = 100_000;
const NANOCPUS = 1e9;

function cpuOf(hostConfig: HostConfig): Cpu {
  const byNanoCpus = hostConfig.NanoCpus > 0;
  const quota = Math.trunc((hostConfig.NanoCpus * DEFAULT_PERIOD_MICROSECONDS) / NANOCPUS);
  return {
    shares: nonZero(hostConfig.CpuShares),
    quota: byNanoCpus ? quota : nonZero(hostConfig.CpuQuota),
    period: byNanoCpus ? DEFAULT_PERIOD_MICROSECONDS : nonZero(hostConfig.CpuPeriod),
    realtimePeriod: nonZero(hostConfig.CpuRealtimePeriod),
    realtimeRuntime: nonZero(hostConfig.CpuRealtimeRuntime),
    cpus: hostConfig.CpusetCpus || undefined,
    mems: hostConfig.CpusetMems || undefined,
  };
}

/** Zero and below are without limit, which needs no entry. */
function pidsOf({ PidsLimit: limit }: HostConfig): RuntimeResources['pids'] {
  return limit !== null && limit > 0 ? { limit } : undefined;
}

function blockIoOf(hostConfig: HostConfig): BlockIo {
  return {
    weight: nonZero(hostConfig.BlkioWeight),
    weightDevice: whole(hostConfig.BlkioWeightDevice?.map(weightDevice)),
    throttleReadBpsDevice: throttled(hostConfig.BlkioDeviceReadBps),
    throttleWriteBpsDevice: throttled(hostConfig.BlkioDeviceWriteBps),
    throttleReadIOPSDevice: throttled(hostConfig.BlkioDeviceReadIOps),
    throttleWriteIOPSDevice: throttled(hostConfig.BlkioDeviceWriteIOps),
  };
}

function whole<Item>(list: readonly Item[] | undefined): readonly Item[] | undefined {
  return list && list.length > 0 ? list : undefined;
}

function weightDevice(device: { readonly Path: string; readonly Weight: number }): RuntimeWeightDevice {
  return { ...blockDevice(device.Path), weight: device.Weight };
}

function throttled(devices: readonly ThrottleDevice[] | null): readonly RuntimeThrottleDevice[] | undefined {
  return whole((devices ?? []).map(({ Path, Rate }) => ({ ...blockDevice(Path), rate: Rate })));
}

function blockDevice(path: string): { readonly major: number; readonly minor: number } {
  try {
    return splitDeviceNumber(statSync(path).rdev);
  } catch (cause) {
    throw new EngineError('invalid', `Cannot limit device ${path}: no such device`, { cause });
  }
}

/** `a *:* rwm`, `c 1:3 r`, `b 8:* rw`: as in the files of the device cgroup. */
const DEVICE_RULE = /^([acb]) ([0-9]+|\*):([0-9]+|\*) ([rwm]{1,3})$/;

function parseDeviceRule(rule: string): RuntimeDeviceRule {
  const [, type, major = '*', minor = '*', access = ''] = DEVICE_RULE.exec(rule) ?? [];
  if (type !== 'a' && type !== 'c' && type !== 'b') {
    throw new EngineError('invalid', `invalid device cgroup rule format: '${rule}'`);
  }
  return {
    allow: true,
    type,
    ...(major === '*' ? {} : { major: Number(major) }),
    ...(minor === '*' ? {} : { minor: Number(minor) }),
    access,
  };
}
