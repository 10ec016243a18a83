import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ContainerErrorReason } from '../container-errors.ts';
import type { ResourceLimits } from '../container-spec.ts';
import { checkLimits } from './check-limits.ts';

const MIB = 2 ** 20;

test('limits that contradict each other or the kernel are refused', () => {
  const cases: readonly (readonly [ResourceLimits, ContainerErrorReason])[] = [
    [{ memoryBytes: 1024 }, 'memory-low'],
    [{ memorySwapBytes: 10 * MIB }, 'swap-without-memory'],
    [{ memoryBytes: 10 * MIB, memorySwapBytes: 7 * MIB }, 'swap-below-memory'],
    [{ memoryReservationBytes: 1024 }, 'memory-reservation-low'],
    [{ memoryBytes: 7 * MIB, memoryReservationBytes: 8 * MIB }, 'memory-below-reservation'],
    [{ cpuPeriodUs: 999 }, 'cpu-period-out-of-range'],
    [{ cpuPeriodUs: 1_000_001 }, 'cpu-period-out-of-range'],
    [{ cpuQuotaUs: 999 }, 'cpu-quota-low'],
    [{ nanoCpus: 1e9, cpuPeriodUs: 1000 }, 'cpus-and-period'],
    [{ nanoCpus: 1e9, cpuQuotaUs: 1000 }, 'cpus-and-quota'],
    [{ nanoCpus: 1e15 }, 'cpus-out-of-range'],
    [{ nanoCpus: -1 }, 'cpus-out-of-range'],
    [{ cpuShares: 1 }, 'cpu-shares-out-of-range'],
    [{ cpuShares: 262_145 }, 'cpu-shares-out-of-range'],
    [{ swappiness: 101 }, 'swappiness-out-of-range'],
    [{ swappiness: -2 }, 'swappiness-out-of-range'],
    [{ cpuRealtimePeriodUs: 1000, cpuRealtimeRuntimeUs: 1001 }, 'realtime-above-period'],
    [{ cpus: '1-0' }, 'cpuset-invalid'],
    [{ memoryNodes: 'x' }, 'cpuset-invalid'],
    [{ blockIoWeight: 9 }, 'block-io-weight-out-of-range'],
    [{ blockIoDeviceWeights: [{ path: '/dev/x', weight: 1001 }] }, 'block-io-weight-out-of-range'],
  ];
  for (const [limits, reason] of cases) assert.throws(() => checkLimits(limits), { code: 'invalid', reason });
});

test('limits that make sense are accepted', () => {
  checkLimits({});
  checkLimits({ memoryBytes: 6 * MIB, memorySwapBytes: -1, memoryReservationBytes: 6 * MIB });
  checkLimits({ cpuPeriodUs: 1000, cpuQuotaUs: -1 });
  checkLimits({ cpuShares: 2, swappiness: 0, cpus: '0-3,5', blockIoWeight: 1000, nanoCpus: 1e9 });
});
