import { readFileSync } from 'node:fs';
import { availableParallelism, totalmem } from 'node:os';
import { isEngineError } from '#base/errors.ts';
import { type CgroupStats, ContainerCgroup } from '#linux/cgroups.ts';
import { isErrno } from '#linux/errno.ts';
import { now, NEVER } from '#base/clock.ts';
import type { ContainerStats } from '../container.ts';
import type { ContainerContext } from '../context.ts';
import type { ManagedContainer } from '../run/managed-container.ts';
import { cgroupPathOf } from '../process/runtime-command.ts';

/** USER_HZ: 100 on every architecture we run on (time(7)). */
const NANOSECONDS_PER_TICK = 10_000_000;

type StatsContext = Pick<ContainerContext, 'cgroupLayout' | 'defaults'>;
type Sample = Readonly<Record<string, unknown>>;

/** One sample of what a container uses; empty if it does not run. */
export function sampleStats(context: StatsContext, container: ManagedContainer): ContainerStats {
  const { id, name } = container;
  return { id, name: `/${name}`, sample: tryReadSample(context, container) ?? emptySample() };
}

function tryReadSample(context: StatsContext, container: ManagedContainer): Sample | undefined {
  const { run } = container;
  if (!run) return undefined;
  try {
    const stats = new ContainerCgroup(context.cgroupLayout, cgroupPathOf(context, container)).readStats();
    return { ...sampleOf(stats), ...networkSample(container, run.process.pid) };
  } catch (error) {
    if (isEngineError(error, 'not-found')) return undefined;
    throw error;
  }
}

function sampleOf({ cpu, memory, pids, blockIo }: CgroupStats): Sample {
  return {
    read: now(),
    pids_stats: { current: pids.current, ...(pids.limit !== undefined && { limit: pids.limit }) },
    blkio_stats: {
      io_service_bytes_recursive: blockEntries(blockIo.bytes),
      io_serviced_recursive: blockEntries(blockIo.operations),
      ...emptyBlockIo,
    },
    num_procs: 0,
    storage_stats: {},
    cpu_stats: cpuSample(cpu),
    memory_stats: {
      usage: memory.usageBytes,
      ...(memory.maxUsageBytes !== undefined && { max_usage: memory.maxUsageBytes }),
      stats: memory.stat,
      ...(memory.failures > 0 && { failcnt: memory.failures }),
      limit: memory.limitBytes ?? totalmem(),
    },
  };
}

const emptyBlockIo = {
  io_queue_recursive: [],
  io_service_time_recursive: [],
  io_wait_time_recursive: [],
  io_merged_recursive: [],
  io_time_recursive: [],
  sectors_recursive: [],
};

function blockEntries(entries: CgroupStats['blockIo']['bytes']): readonly object[] {
  return entries.map(({ major, minor, operation, value }) => ({ major, minor, op: operation, value }));
}

function cpuSample(cpu: CgroupStats['cpu']): Sample {
  return {
    cpu_usage: {
      total_usage: cpu.totalNs,
      ...(cpu.perCpuNs && { percpu_usage: cpu.perCpuNs }),
      usage_in_kernelmode: cpu.systemNs,
      usage_in_usermode: cpu.userNs,
    },
    system_cpu_usage: systemCpuNs(),
    online_cpus: availableParallelism(),
    throttling_data: {
      periods: cpu.periods,
      throttled_periods: cpu.throttledPeriods,
      throttled_time: cpu.throttledNs,
    },
  };
}

/** What all processors together have spent since boot, idling included (proc_stat(5)); guests are in `user`. */
function systemCpuNs(): number {
  const [line = ''] = readFileSync('/proc/stat', 'latin1').split('\n', 1);
  const ticks = line.split(/\s+/).slice(1, 9).map(Number);
  return ticks.reduce((sum, count) => sum + count, 0) * NANOSECONDS_PER_TICK;
}

/** Traffic of the container's interfaces; not of the host's. */
function networkSample({ hostConfig }: ManagedContainer, pid: number): Sample {
  if (hostConfig.NetworkMode === 'host' || hostConfig.NetworkMode === 'none') return {};
  try {
    return { networks: parseNetDev(readFileSync(`/proc/${pid}/net/dev`, 'latin1')) };
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ESRCH', 'EINVAL')) return {};
    throw error;
  }
}

/** /proc/net/dev (proc_pid_net(5)): two lines of titles, then eight counters received and eight sent. */
export function parseNetDev(text: string): Readonly<Record<string, Readonly<Record<string, number>>>> {
  const lines = text.split('\n').slice(2).filter(Boolean);
  const entries = lines.map((line) => {
    const [name = '', counters = ''] = line.trim().split(/:\s*/, 2);
    const numbers = counters.split(/\s+/).map(Number);
    const at = (index: number) => numbers[index] ?? 0;
    const traffic = {
      rx_bytes: at(0),
      rx_packets: at(1),
      rx_errors: at(2),
      rx_dropped: at(3),
      tx_bytes: at(8),
      tx_packets: at(9),
      tx_errors: at(10),
      tx_dropped: at(11),
    };
    return [name, traffic] as const;
  });
  return Object.fromEntries(entries.filter(([name]) => name !== 'lo'));
}

function emptySample(): Sample {
  const throttling = { periods: 0, throttled_periods: 0, throttled_time: 0 };
  const usage = { total_usage: 0, usage_in_kernelmode: 0, usage_in_usermode: 0 };
  return {
    read: NEVER,
    pids_stats: {},
    blkio_stats: { io_service_bytes_recursive: [], io_serviced_recursive: [], ...emptyBlockIo },
    num_procs: 0,
    storage_stats: {},
    cpu_stats: { cpu_usage: usage, throttling_data: throttling },
    memory_stats: {},
  };
}
