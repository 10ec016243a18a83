/** Limits, in Docker's fields and in the domain's. Docker's zero leaves a limit open. */
import type { DeviceRate, ResourceLimits } from '#container/container-spec.ts';
import type { HostConfig } from '#wire/host-config.ts';
import type { RESOURCE_FIELDS, ThrottleDevice } from '#wire/resources.ts';
import { listOr } from './shown-list.ts';

type LimitFields = Pick<
  HostConfig,
  Exclude<
    keyof typeof RESOURCE_FIELDS,
    'Devices' | 'DeviceCgroupRules' | 'DeviceRequests' | 'Ulimits' | UnknownToLinux
  >
>;

type UnknownToLinux = 'CpuCount' | 'CpuPercent' | 'IOMaximumIOps' | 'IOMaximumBandwidth';

/** No limit of processes, in the domain's words. */
const UNLIMITED = -1;

/** What is given; all of it for a create, and for an update what is to change. */
export function limitsOf(host: Partial<LimitFields>): ResourceLimits {
  const { MemorySwappiness, OomKillDisable, PidsLimit } = host;
  return {
    ...(host.Memory && { memoryBytes: host.Memory }),
    ...(host.MemoryReservation && { memoryReservationBytes: host.MemoryReservation }),
    ...(host.MemorySwap && { memorySwapBytes: host.MemorySwap }),
    ...(typeof MemorySwappiness === 'number' && { swappiness: MemorySwappiness }),
    ...(OomKillDisable && { oomKillerDisabled: true }),
    ...(host.NanoCpus && { nanoCpus: host.NanoCpus }),
    ...(host.CpuShares && { cpuShares: host.CpuShares }),
    ...(host.CpuPeriod && { cpuPeriodUs: host.CpuPeriod }),
    ...(host.CpuQuota && { cpuQuotaUs: host.CpuQuota }),
    ...(host.CpuRealtimePeriod && { cpuRealtimePeriodUs: host.CpuRealtimePeriod }),
    ...(host.CpuRealtimeRuntime && { cpuRealtimeRuntimeUs: host.CpuRealtimeRuntime }),
    ...(host.CpusetCpus && { cpus: host.CpusetCpus }),
    ...(host.CpusetMems && { memoryNodes: host.CpusetMems }),
    ...(typeof PidsLimit === 'number' && { pids: PidsLimit > 0 ? PidsLimit : UNLIMITED }),
    ...(host.CgroupParent && { cgroupParent: host.CgroupParent }),
    ...blockIoOf(host),
  };
}

function blockIoOf(host: Partial<LimitFields>): ResourceLimits {
  const weights = (host.BlkioWeightDevice ?? []).map(({ Path, Weight }) => ({ path: Path, weight: Weight }));
  const [readBytes, writeBytes, reads, writes] = [
    host.BlkioDeviceReadBps,
    host.BlkioDeviceWriteBps,
    host.BlkioDeviceReadIOps,
    host.BlkioDeviceWriteIOps,
  ].map(ratesOf);
  return {
    ...(host.BlkioWeight && { blockIoWeight: host.BlkioWeight }),
    ...(weights.length > 0 && { blockIoDeviceWeights: weights }),
    ...(readBytes && { blockIoReadBytesPerSecond: readBytes }),
    ...(writeBytes && { blockIoWriteBytesPerSecond: writeBytes }),
    ...(reads && { blockIoReadsPerSecond: reads }),
    ...(writes && { blockIoWritesPerSecond: writes }),
  };
}

function ratesOf(devices: readonly ThrottleDevice[] | null | undefined): readonly DeviceRate[] | undefined {
  if (!devices || devices.length === 0) return undefined;
  return devices.map(({ Path, Rate }) => ({ path: Path, rate: Rate }));
}

/** {@link limitsOf} backwards; `asked` tells an empty list from none. */
export function encodeLimits(limits: ResourceLimits, asked: LimitFields): LimitFields {
  return {
    Memory: limits.memoryBytes ?? 0,
    MemoryReservation: limits.memoryReservationBytes ?? 0,
    MemorySwap: limits.memorySwapBytes ?? 0,
    MemorySwappiness: limits.swappiness ?? null,
    OomKillDisable: limits.oomKillerDisabled ?? asked.OomKillDisable,
    NanoCpus: limits.nanoCpus ?? 0,
    CpuShares: limits.cpuShares ?? 0,
    CpuPeriod: limits.cpuPeriodUs ?? 0,
    CpuQuota: limits.cpuQuotaUs ?? 0,
    CpuRealtimePeriod: limits.cpuRealtimePeriodUs ?? 0,
    CpuRealtimeRuntime: limits.cpuRealtimeRuntimeUs ?? 0,
    CpusetCpus: limits.cpus ?? '',
    CpusetMems: limits.memoryNodes ?? '',
    PidsLimit: limits.pids === UNLIMITED ? 0 : (limits.pids ?? null),
    CgroupParent: limits.cgroupParent ?? '',
    BlkioWeight: limits.blockIoWeight ?? 0,
    BlkioWeightDevice: listOr(
      (limits.blockIoDeviceWeights ?? []).map(({ path, weight }) => ({ Path: path, Weight: weight })),
      asked.BlkioWeightDevice,
    ),
    BlkioDeviceReadBps: encodeRates(limits.blockIoReadBytesPerSecond, asked.BlkioDeviceReadBps),
    BlkioDeviceWriteBps: encodeRates(limits.blockIoWriteBytesPerSecond, asked.BlkioDeviceWriteBps),
    BlkioDeviceReadIOps: encodeRates(limits.blockIoReadsPerSecond, asked.BlkioDeviceReadIOps),
    BlkioDeviceWriteIOps: encodeRates(limits.blockIoWritesPerSecond, asked.BlkioDeviceWriteIOps),
  };
}

function encodeRates(
  rates: readonly DeviceRate[] = [],
  asked: readonly ThrottleDevice[] | null,
): readonly ThrottleDevice[] | null {
  return listOr(
    rates.map(({ path, rate }) => ({ Path: path, Rate: rate })),
    asked,
  );
}
