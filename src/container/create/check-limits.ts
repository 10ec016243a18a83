import { containerError } from '../container-errors.ts';
import type { ResourceLimits } from '../container-spec.ts';

const MINIMUM_MEMORY_BYTES = 6 * 1024 * 1024;

/** Refuses limits that contradict each other or the kernel. @throws {EngineError} `invalid` */
export function checkLimits(limits: ResourceLimits): void {
  checkMemory(limits);
  const { cpuPeriodUs = 0, cpuQuotaUs = 0 } = limits;
  if (cpuPeriodUs !== 0 && (cpuPeriodUs < 1000 || cpuPeriodUs > 1_000_000)) {
    throw containerError('cpu-period-out-of-range');
  }
  if (cpuQuotaUs > 0 && cpuQuotaUs < 1000) throw containerError('cpu-quota-low');
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
}
