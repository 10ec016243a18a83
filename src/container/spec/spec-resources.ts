import type { RuntimeDeviceRule, RuntimeResources } from '#oci/runtime-spec.ts';
import { containerError } from '../container-errors.ts';
import type { ContainerSpec, DeviceRate, ResourceLimits } from '../container-spec.ts';
import type { DeviceNumber, HostDevices } from './spec-devices.ts';

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
 * @param given rules for the devices that the container gets besides the standard ones, and numbers of those that its
 * limits name
 */
export function specResources(
  { limits, devices }: Pick<ContainerSpec, 'limits' | 'devices'>,
  given: { readonly rules: readonly RuntimeDeviceRule[]; readonly numbers: Numbers },
  cgroupVersion: 1 | 2,
): RuntimeResources {
  return {
    devices: [...STANDARD_DEVICES, ...given.rules, ...devices.cgroupRules.map(parseDeviceRule)],
    memory: memoryOf(limits, cgroupVersion),
    cpu: cpuOf(limits),
    pids: limits.pids === undefined ? undefined : { limit: limits.pids > 0 ? limits.pids : UNLIMITED },
    blockIO: blockIoOf(limits, given.numbers),
  };
}

type Memory = NonNullable<RuntimeResources['memory']>;
type Cpu = NonNullable<RuntimeResources['cpu']>;
type BlockIo = NonNullable<RuntimeResources['blockIO']>;

function memoryOf(limits: ResourceLimits, cgroupVersion: 1 | 2): Memory {
  const { memoryBytes: limit, memorySwapBytes: swap, swappiness } = limits;
  const own = cgroupVersion === 1;
  return {
    limit,
    reservation: limits.memoryReservationBytes,
    swap: limit === undefined ? undefined : (swap ?? limit * 2),
    swappiness: own && swappiness !== undefined && swappiness >= 0 ? swappiness : undefined,
    disableOOMKiller: own && limits.oomKillerDisabled ? true : undefined,
  };
}

/** No limit, in the words of the runtime specification. */
const UNLIMITED = -1;

/** The kernel's default period. */
const DEFAULT_PERIOD_MICROSECONDS = 100_000;
const NANOCPUS = 1e9;

function cpuOf(limits: ResourceLimits): Cpu {
  const { nanoCpus = 0 } = limits;
  const quota = Math.trunc((nanoCpus * DEFAULT_PERIOD_MICROSECONDS) / NANOCPUS);
  return {
    shares: limits.cpuShares,
    quota: nanoCpus > 0 ? quota : limits.cpuQuotaUs,
    period: nanoCpus > 0 ? DEFAULT_PERIOD_MICROSECONDS : limits.cpuPeriodUs,
    realtimePeriod: limits.cpuRealtimePeriodUs,
    realtimeRuntime: limits.cpuRealtimeRuntimeUs,
    cpus: limits.cpus,
    mems: limits.memoryNodes,
  };
}

type Numbers = HostDevices['numbers'];

function blockIoOf(limits: ResourceLimits, numbers: Numbers): BlockIo {
  const throttled = (devices: readonly DeviceRate[] = []) =>
    whole(devices.map(({ path, rate }) => ({ ...numberOf(path, numbers), rate })));
  return {
    weight: limits.blockIoWeight,
    weightDevice: whole(
      limits.blockIoDeviceWeights?.map(({ path, weight }) => ({ ...numberOf(path, numbers), weight })),
    ),
    throttleReadBpsDevice: throttled(limits.blockIoReadBytesPerSecond),
    throttleWriteBpsDevice: throttled(limits.blockIoWriteBytesPerSecond),
    throttleReadIOPSDevice: throttled(limits.blockIoReadsPerSecond),
    throttleWriteIOPSDevice: throttled(limits.blockIoWritesPerSecond),
  };
}

function whole<Item>(list: readonly Item[] | undefined): readonly Item[] | undefined {
  return list && list.length > 0 ? list : undefined;
}

function numberOf(path: string, numbers: Numbers): DeviceNumber {
  const number = numbers[path];
  if (number) return number;
  throw containerError('block-device-missing', { subject: path });
}

/** `a *:* rwm`, `c 1:3 r`, `b 8:* rw`: as in the files of the device cgroup. */
const DEVICE_RULE = /^([acb]) ([0-9]+|\*):([0-9]+|\*) ([rwm]{1,3})$/;

function parseDeviceRule(rule: string): RuntimeDeviceRule {
  const [, type, major = '*', minor = '*', access = ''] = DEVICE_RULE.exec(rule) ?? [];
  if (type !== 'a' && type !== 'c' && type !== 'b') {
    throw containerError('device-rule-invalid', { subject: rule });
  }
  return {
    allow: true,
    type,
    ...(major === '*' ? {} : { major: Number(major) }),
    ...(minor === '*' ? {} : { minor: Number(minor) }),
    access,
  };
}
