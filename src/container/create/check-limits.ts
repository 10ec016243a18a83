import { availableParallelism } from 'node:os';
import { parseNumberRanges } from '#base/number-ranges.ts';
import { containerError } from '../container-errors.ts';
import type { ResourceLimits } from '../container-spec.ts';

const MINIMUM_MEMORY_BYTES = 6 * 1024 * 1024;
/** What the kernel takes as weights of groups. */
const CPU_SHARES = { minimum: 2, maximum: 262_144 };
const BLOCK_IO_WEIGHT = { minimum: 10, maximum: 1000 };
const NANOCPUS = 1e9;

/** Refuses limits that contradict each other or the kernel. @throws {EngineError} `invalid` */
export function checkLimits(limits: ResourceLimits): void {
  checkMemory(limits);
  checkProcessors(limits);
  checkNumberSet(limits.cpus, 'cpus');
  checkNumberSet(limits.memoryNodes, 'mems');
  const weights = [limits.blockIoWeight, ...(limits.blockIoDeviceWeights ?? []).map(({ weight }) => weight)];
  if (!weights.every((weight) => isWithin(weight, BLOCK_IO_WEIGHT))) {
    throw containerError('block-io-weight-out-of-range', { details: BLOCK_IO_WEIGHT });
  }
}

function checkMemory(limits: ResourceLimits): void {
  const {
    memoryBytes: memory = 0,
    memorySwapBytes: swap = 0,
    memoryReservationBytes: reservation = 0,
  } = limits;
  if (memory !== 0 && memory < MINIMUM_MEMORY_BYTES) throw containerError('memory-low');
  if (memory === 0 && swap > 0) throw containerError('swap-without-memory');
  if (memory > 0 && swap > 0 && swap < memory) throw containerError('swap-below-memory');
  if (reservation !== 0 && reservation < MINIMUM_MEMORY_BYTES) throw containerError('memory-reservation-low');
  if (memory > 0 && reservation > memory) throw containerError('memory-below-reservation');
  if (isWithin(limits.swappiness, { minimum: 0, maximum: 100 })) return;
  throw containerError('swappiness-out-of-range', { details: { swappiness: limits.swappiness ?? 0 } });
}

function checkProcessors(limits: ResourceLimits): void {
  const { nanoCpus = 0, cpuPeriodUs = 0, cpuQuotaUs = 0, cpuShares } = limits;
  if (nanoCpus > 0 && cpuPeriodUs > 0) throw containerError('cpus-and-period');
  if (nanoCpus > 0 && cpuQuotaUs > 0) throw containerError('cpus-and-quota');
  const available = availableParallelism();
  if (nanoCpus < 0 || nanoCpus > available * NANOCPUS) {
    throw containerError('cpus-out-of-range', { details: { available } });
  }
  if (cpuPeriodUs !== 0 && (cpuPeriodUs < 1000 || cpuPeriodUs > 1_000_000)) {
    throw containerError('cpu-period-out-of-range');
  }
  if (cpuQuotaUs > 0 && cpuQuotaUs < 1000) throw containerError('cpu-quota-low');
  const { cpuRealtimePeriodUs: period = 0, cpuRealtimeRuntimeUs: runtime = 0 } = limits;
  if (period !== 0 && runtime > period) throw containerError('realtime-above-period');
  if (isWithin(cpuShares, CPU_SHARES)) return;
  throw containerError('cpu-shares-out-of-range', { details: { shares: cpuShares ?? 0, ...CPU_SHARES } });
}

function isWithin(
  value: number | undefined,
  { minimum, maximum }: { readonly minimum: number; readonly maximum: number },
): boolean {
  return value === undefined || (value >= minimum && value <= maximum);
}

/** `0-3,5` as in cpuset(7). */
function checkNumberSet(set = '', what: 'cpus' | 'mems'): void {
  if (parseNumberRanges(set) === undefined)
    throw containerError('cpuset-invalid', { subject: set, details: { what } });
}
