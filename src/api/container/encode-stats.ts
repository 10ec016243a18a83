/** One sample of `GET /containers/{id}/stats`. */
import { NEVER } from '#base/clock.ts';
import type { ContainerStats, InterfaceTraffic, StatsSample } from '#container/views.ts';
import type { BlockIoEntry } from '#linux/cgroup-stats.ts';
import type { ContainerStatsBody, CpuStats } from '#wire/stats.ts';

const NO_CPU: CpuStats = {
  cpu_usage: { total_usage: 0, usage_in_kernelmode: 0, usage_in_usermode: 0 },
  throttling_data: { periods: 0, throttled_periods: 0, throttled_time: 0 },
};

const NO_BLOCK_IO = {
  io_queue_recursive: [],
  io_service_time_recursive: [],
  io_wait_time_recursive: [],
  io_merged_recursive: [],
  io_time_recursive: [],
  sectors_recursive: [],
};

/** Clients compute processor use from the difference to the sample before. */
export function encodeStats(
  { id, name, sample }: ContainerStats,
  previous?: StatsSample,
): ContainerStatsBody {
  return {
    ...(sample ? encodeSample(sample) : emptySample()),
    preread: previous?.takenAt ?? NEVER,
    precpu_stats: previous ? encodeCpu(previous) : NO_CPU,
    name: `/${name}`,
    id,
    os_type: 'linux',
  };
}

type Sample = Omit<ContainerStatsBody, 'preread' | 'precpu_stats' | 'name' | 'id' | 'os_type'>;

function encodeSample(sample: StatsSample): Sample {
  const { pids, blockIo, memory, interfaces } = sample;
  return {
    read: sample.takenAt,
    pids_stats: { current: pids.current, ...(pids.limit !== undefined && { limit: pids.limit }) },
    blkio_stats: {
      io_service_bytes_recursive: blockIo.bytes.map(encodeBlockIo),
      io_serviced_recursive: blockIo.operations.map(encodeBlockIo),
      ...NO_BLOCK_IO,
    },
    num_procs: 0,
    storage_stats: {},
    cpu_stats: encodeCpu(sample),
    memory_stats: {
      usage: memory.usageBytes,
      ...(memory.maxUsageBytes !== undefined && { max_usage: memory.maxUsageBytes }),
      stats: memory.stat,
      ...(memory.failures > 0 && { failcnt: memory.failures }),
      limit: memory.limitBytes ?? sample.hostMemoryBytes,
    },
    ...(interfaces && { networks: encodeInterfaces(interfaces) }),
  };
}

function emptySample(): Sample {
  return {
    read: NEVER,
    pids_stats: {},
    blkio_stats: { io_service_bytes_recursive: [], io_serviced_recursive: [], ...NO_BLOCK_IO },
    num_procs: 0,
    storage_stats: {},
    cpu_stats: NO_CPU,
    memory_stats: {},
  };
}

function encodeBlockIo({ major, minor, operation, value }: BlockIoEntry) {
  return { major, minor, op: operation, value };
}

function encodeCpu({ cpu, hostCpuNs, processors }: StatsSample): CpuStats {
  return {
    cpu_usage: {
      total_usage: cpu.totalNs,
      ...(cpu.perCpuNs && { percpu_usage: cpu.perCpuNs }),
      usage_in_kernelmode: cpu.systemNs,
      usage_in_usermode: cpu.userNs,
    },
    system_cpu_usage: hostCpuNs,
    online_cpus: processors,
    throttling_data: {
      periods: cpu.periods,
      throttled_periods: cpu.throttledPeriods,
      throttled_time: cpu.throttledNs,
    },
  };
}

function encodeInterfaces(interfaces: Readonly<Record<string, InterfaceTraffic>>) {
  const entries = Object.entries(interfaces).map(([name, { received, sent }]) => {
    const traffic = {
      rx_bytes: received.bytes,
      rx_packets: received.packets,
      rx_errors: received.errors,
      rx_dropped: received.dropped,
      tx_bytes: sent.bytes,
      tx_packets: sent.packets,
      tx_errors: sent.errors,
      tx_dropped: sent.dropped,
    };
    return [name, traffic] as const;
  });
  return Object.fromEntries(entries);
}
