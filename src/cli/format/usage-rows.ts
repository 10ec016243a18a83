import type { BuildCacheRecord, FormerDiskUsage } from '#wire/system.ts';
import { Row } from '../template/value.ts';
import type { Listing } from './rows.ts';
import { humanSize } from './sizes.ts';

/** What the engine uses, the records of the build cache spelt out. */
export type EngineUsage = Omit<FormerDiskUsage, 'BuildCache'> & {
  readonly BuildCache: readonly BuildCacheRecord[] | null;
};

export const usageListing: Listing = {
  headings: { Type: 'TYPE', TotalCount: 'TOTAL', Active: 'ACTIVE', Size: 'SIZE', Reclaimable: 'RECLAIMABLE' },
  columns: ['Type', 'TotalCount', 'Active', 'Size', 'Reclaimable'],
};

/** The lines of `system df`: what each kind takes, and how much of it nothing uses. */
export function usageRows(usage: EngineUsage): readonly Row[] {
  return [imageUsage(usage), containerUsage(usage), volumeUsage(usage), cacheUsage(usage)];
}

interface Usage {
  readonly total: number;
  readonly active: number;
  readonly sizeBytes: number;
  /** As it is shown. */
  readonly reclaimable: string;
}

function usageRow(type: string, { total, active, sizeBytes, reclaimable }: Usage): Row {
  return new Row({
    Type: () => type,
    TotalCount: () => String(total),
    Active: () => String(active),
    Size: () => humanSize(sizeBytes),
    Reclaimable: () => reclaimable,
  });
}

function share(part: number, whole: number): string {
  return whole > 0 ? `${humanSize(part)} (${Math.trunc((part * 100) / whole)}%)` : humanSize(part);
}

function sum<T>(list: readonly T[], sizeOf: (each: T) => number): number {
  return list.reduce((total, each) => total + sizeOf(each), 0);
}

function imageUsage({ Images, LayersSize }: EngineUsage): Row {
  const active = Images.filter(({ Containers }) => Containers > 0);
  const used = sum(
    Images.filter(({ Containers, SharedSize }) => Containers !== 0 && SharedSize !== -1),
    ({ Size, SharedSize }) => Size - SharedSize,
  );
  return usageRow('Images', {
    total: Images.length,
    active: active.length,
    sizeBytes: LayersSize,
    reclaimable: share(LayersSize - used, LayersSize),
  });
}

function containerUsage({ Containers }: EngineUsage): Row {
  const active = Containers.filter(({ State }) => ['running', 'paused', 'restarting'].includes(State));
  const size = sum(Containers, ({ SizeRw = 0 }) => SizeRw);
  const idle = size - sum(active, ({ SizeRw = 0 }) => SizeRw);
  return usageRow('Containers', {
    total: Containers.length,
    active: active.length,
    sizeBytes: size,
    reclaimable: share(idle, size),
  });
}

function volumeUsage({ Volumes }: EngineUsage): Row {
  const active = Volumes.filter(({ UsageData }) => (UsageData?.RefCount ?? 0) > 0);
  const size = sum(Volumes, volumeBytes);
  return usageRow('Local Volumes', {
    total: Volumes.length,
    active: active.length,
    sizeBytes: size,
    reclaimable: share(size - sum(active, volumeBytes), size),
  });
}

function cacheUsage(usage: EngineUsage): Row {
  const records = usage.BuildCache ?? [];
  const own = records.filter(({ Shared }) => !Shared);
  const size = sum(own, ({ Size }) => Size);
  const idle = sum(
    own.filter(({ InUse }) => !InUse),
    ({ Size }) => Size,
  );
  const active = records.filter(({ InUse }) => InUse).length;
  return usageRow('Build Cache', {
    total: records.length,
    active,
    sizeBytes: size,
    reclaimable: humanSize(idle),
  });
}

function volumeBytes({ UsageData }: EngineUsage['Volumes'][number]): number {
  return Math.max(UsageData?.Size ?? 0, 0);
}
