import type { OldLimits } from './docker-record-types.ts';

/** Zero left a limit open. */
export function limitsOf(host: OldLimits): object {
  const { MemorySwappiness, OomKillDisable, PidsLimit } = host;
  const weights = (host.BlkioWeightDevice ?? []).map(({ Path, Weight }) => ({ path: Path, weight: Weight }));
  return {
    ...(host.Memory && { memoryBytes: host.Memory }),
    ...(host.MemoryReservation && { memoryReservationBytes: host.MemoryReservation }),
    ...(host.MemorySwap && { memorySwapBytes: host.MemorySwap }),
    ...(MemorySwappiness !== null && { swappiness: MemorySwappiness }),
    ...(OomKillDisable && { oomKillerDisabled: true }),
    ...(host.NanoCpus && { nanoCpus: host.NanoCpus }),
    ...(host.CpuShares && { cpuShares: host.CpuShares }),
    ...(host.CpuPeriod && { cpuPeriodUs: host.CpuPeriod }),
    ...(host.CpuQuota && { cpuQuotaUs: host.CpuQuota }),
    ...(host.CpuRealtimePeriod && { cpuRealtimePeriodUs: host.CpuRealtimePeriod }),
    ...(host.CpuRealtimeRuntime && { cpuRealtimeRuntimeUs: host.CpuRealtimeRuntime }),
    ...(host.CpusetCpus && { cpus: host.CpusetCpus }),
    ...(host.CpusetMems && { memoryNodes: host.CpusetMems }),
    ...(PidsLimit !== null && { pids: PidsLimit }),
    ...(host.CgroupParent && { cgroupParent: host.CgroupParent }),
    ...(host.BlkioWeight && { blockIoWeight: host.BlkioWeight }),
    ...(weights.length > 0 && { blockIoDeviceWeights: weights }),
    ...rates('blockIoReadBytesPerSecond', host.BlkioDeviceReadBps),
    ...rates('blockIoWriteBytesPerSecond', host.BlkioDeviceWriteBps),
    ...rates('blockIoReadsPerSecond', host.BlkioDeviceReadIOps),
    ...rates('blockIoWritesPerSecond', host.BlkioDeviceWriteIOps),
  };
}

function rates(name: string, devices: OldLimits['BlkioDeviceReadBps']): object {
  if (!devices || devices.length === 0) return {};
  return { [name]: devices.map(({ Path, Rate }) => ({ path: Path, rate: Rate })) };
}
