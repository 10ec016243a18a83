import { isWithin, parseNumberRanges } from '#base/number-ranges.ts';
import type { CgroupFeatures } from '#linux/cgroup-features.ts';
import { containerError } from '../container-errors.ts';
import type { ResourceLimits } from '../container-spec.ts';

/** Limits that this machine can keep, and what is to be said about the others, in Docker's words. */
export interface FittedLimits {
  readonly limits: ResourceLimits;
  readonly warnings: readonly string[];
}

interface Discard {
  readonly limits: readonly (keyof ResourceLimits)[];
  readonly isPossible: (features: CgroupFeatures) => boolean;
  readonly warning: string;
}

const missing = (what: string, consequence: string) =>
  `Your kernel does not support ${what} or the cgroup is not mounted. ${consequence} discarded.`;

/** What a machine without it ignores, as Docker does. */
const DISCARDS: readonly Discard[] = [
  {
    limits: ['memoryBytes', 'memorySwapBytes'],
    isPossible: (features) => features.has('memory'),
    warning: missing('memory limit capabilities', 'Limitation'),
  },
  {
    limits: ['memoryReservationBytes'],
    isPossible: (features) => features.has('memory'),
    warning: missing('memory soft limit capabilities', 'Limitation'),
  },
  {
    limits: ['swappiness'],
    isPossible: (features) => features.swappiness,
    warning: missing('memory swappiness capabilities', 'Memory swappiness'),
  },
  {
    limits: ['oomKillerDisabled'],
    isPossible: (features) => features.oomKillerSwitch,
    warning: 'Your kernel does not support OomKillDisable. OomKillDisable discarded.',
  },
  {
    limits: ['pids'],
    isPossible: (features) => features.has('pids'),
    warning: missing('PIDs limit capabilities', 'PIDs limit'),
  },
  {
    limits: ['cpuShares'],
    isPossible: (features) => features.has('cpu'),
    warning: missing('CPU shares', 'Shares'),
  },
  {
    limits: ['nanoCpus', 'cpuPeriodUs', 'cpuQuotaUs'],
    isPossible: (features) => features.has('cpu'),
    warning: 'Your kernel does not support CPU CFS scheduler. CPU period/quota discarded.',
  },
  {
    limits: ['cpus', 'memoryNodes'],
    isPossible: (features) => features.has('cpuset'),
    warning: missing('cpuset', 'Cpuset'),
  },
  {
    limits: ['blockIoWeight'],
    isPossible: (features) => features.blockIoWeight,
    warning: missing('Block I/O weight', 'Weight'),
  },
  {
    limits: ['blockIoDeviceWeights'],
    isPossible: (features) => features.blockIoWeight,
    warning: missing('Block I/O weight_device', 'Weight-device'),
  },
  {
    limits: [
      'blockIoReadBytesPerSecond',
      'blockIoWriteBytesPerSecond',
      'blockIoReadsPerSecond',
      'blockIoWritesPerSecond',
    ],
    isPossible: (features) => features.has('blkio'),
    warning: missing('Block I/O limits', 'Block I/O limit'),
  },
];

/** @throws {EngineError} `invalid` for processors and memory that this machine does not have */
export function fitLimits(asked: ResourceLimits, features: CgroupFeatures): FittedLimits {
  const discards = DISCARDS.filter(
    ({ limits, isPossible }) => limits.some((name) => asked[name] !== undefined) && !isPossible(features),
  );
  const dropped = new Set<string>(discards.flatMap(({ limits }) => limits));
  const limits: ResourceLimits = Object.fromEntries(
    Object.entries(asked).filter(([name]) => !dropped.has(name)),
  );
  if (limits.cpus !== undefined) checkAvailable(limits.cpus, 'cpus', features);
  if (limits.memoryNodes !== undefined) checkAvailable(limits.memoryNodes, 'mems', features);
  const usesRealtime = limits.cpuRealtimePeriodUs ?? limits.cpuRealtimeRuntimeUs;
  if (usesRealtime !== undefined && !features.realtime) throw containerError('realtime-unsupported');
  return { limits, warnings: [...discards.map(({ warning }) => warning), ...riskOf(limits)] };
}

function riskOf({ oomKillerDisabled, memoryBytes }: ResourceLimits): readonly string[] {
  if (!oomKillerDisabled || memoryBytes !== undefined) return [];
  return [
    'OOM killer is disabled for the container, but no memory limit is set, this can result in the system running out of resources.',
  ];
}

function checkAvailable(wanted: string, what: 'cpus' | 'mems', features: CgroupFeatures): void {
  const available = features.available[what];
  if (available === undefined) return;
  if (isWithin(parseNumberRanges(wanted) ?? [], parseNumberRanges(available) ?? [])) return;
  throw containerError('cpuset-unavailable', { subject: wanted, details: { what, available } });
}
