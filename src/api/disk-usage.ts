import { formatDate } from '#base/timestamps.ts';
import type { CacheRecord } from '#build/disk/disk.ts';
import type { DiskUsage, UsageType } from '#engine/disk-usage.ts';
import type { ContainerSummary } from '#wire/container.ts';
import type { ImageSummary } from '#wire/image.ts';
import type { BuildCacheRecord, DiskUsage as WireDiskUsage, FormerDiskUsage, UsageOf } from '#wire/system.ts';
import type { VolumeInspect } from '#wire/volume.ts';
import { encodeListEntry } from './container/encode-list.ts';
import { encodeImageSummary } from './image-encoding.ts';
import { encodeVolume } from './volumes.ts';

/**
 * The body of `GET /system/df`.
 *
 * @param verbose the client knows the fields by kind, and reads no others
 */
export function encodeDiskUsage(
  usage: DiskUsage,
  types: ReadonlySet<UsageType>,
  verbose: boolean,
): WireDiskUsage {
  const former = formerUsage(usage);
  const { Images, Containers, Volumes, BuildCache, LayersSize } = former;
  return {
    ...(!verbose && askedOf(former, types)),
    ...(types.has('image') && { ImageUsage: imageUsage(Images, LayersSize) }),
    ...(types.has('container') && { ContainerUsage: containerUsage(Containers) }),
    ...(types.has('volume') && { VolumeUsage: volumeUsage(Volumes) }),
    ...(types.has('build-cache') && { BuildCacheUsage: cacheUsage(BuildCache) }),
  };
}

const FORMER_FIELDS = {
  image: ['LayersSize', 'Images'],
  container: ['Containers'],
  volume: ['Volumes'],
  'build-cache': ['BuildCache', 'BuilderSize'],
} as const satisfies Record<UsageType, readonly (keyof FormerDiskUsage)[]>;

function askedOf(former: FormerDiskUsage, types: ReadonlySet<UsageType>): Partial<FormerDiskUsage> {
  const asked = new Set<string>([...types].flatMap((type) => FORMER_FIELDS[type]));
  return Object.fromEntries(
    Object.entries(former).filter(
      ([name, value]) => asked.has(name) && (name !== 'BuilderSize' || value > 0),
    ),
  );
}

function formerUsage(usage: DiskUsage): FormerDiskUsage {
  const buildCache = usage.buildCache.map(encodeCacheRecord);
  return {
    LayersSize: usage.layersBytes,
    Images: usage.images.map(({ image, containers }) => encodeImageSummary({ ...image, containers })),
    Containers: usage.containers.map((entry) => encodeListEntry(entry)),
    Volumes: usage.volumes.map(({ volume, sizeBytes, containers }) => ({
      ...encodeVolume(volume),
      UsageData: { Size: sizeBytes, RefCount: containers },
    })),
    BuildCache: buildCache,
    BuilderSize: sum(buildCache, ({ Size }) => Size),
  };
}

/** What an image shares with others is freed with the last of them only. */
function imageUsage(images: readonly ImageSummary[], layersBytes: number): UsageOf<ImageSummary> {
  const unused = images.filter(({ Containers }) => Containers === 0);
  return usageOf(images, {
    active: images.length - unused.length,
    sizeBytes: layersBytes,
    reclaimableBytes: sum(unused, ({ Size, SharedSize }) => Size - Math.max(0, SharedSize)),
  });
}

function containerUsage(containers: readonly ContainerSummary[]): UsageOf<ContainerSummary> {
  const active = containers.filter(({ State }) => ['running', 'paused', 'restarting'].includes(State));
  const size = sum(containers, ({ SizeRw = 0 }) => SizeRw);
  return usageOf(containers, {
    active: active.length,
    sizeBytes: size,
    reclaimableBytes: size - sum(active, ({ SizeRw = 0 }) => SizeRw),
  });
}

function volumeUsage(volumes: readonly VolumeInspect[]): UsageOf<VolumeInspect> {
  const unused = volumes.filter(({ UsageData }) => UsageData?.RefCount === 0);
  return usageOf(volumes, {
    active: volumes.length - unused.length,
    sizeBytes: sum(volumes, volumeBytes),
    reclaimableBytes: sum(unused, volumeBytes),
  });
}

function cacheUsage(records: readonly BuildCacheRecord[]): UsageOf<BuildCacheRecord> {
  const idle = records.filter(({ InUse, Shared }) => !InUse && !Shared);
  return usageOf(records, {
    active: records.filter(({ InUse }) => InUse).length,
    sizeBytes: sum(records, ({ Size }) => Size),
    reclaimableBytes: sum(idle, ({ Size }) => Size),
  });
}

function volumeBytes({ UsageData }: VolumeInspect): number {
  return Math.max(UsageData?.Size ?? 0, 0);
}

function sum<T>(list: readonly T[], sizeOf: (each: T) => number): number {
  return list.reduce((total, each) => total + sizeOf(each), 0);
}

function usageOf<T>(
  items: readonly T[],
  totals: { readonly active: number; readonly sizeBytes: number; readonly reclaimableBytes: number },
): UsageOf<T> {
  return {
    ...(totals.active > 0 && { ActiveCount: totals.active }),
    ...(items.length > 0 && { Items: items, TotalCount: items.length }),
    ...(totals.reclaimableBytes > 0 && { Reclaimable: totals.reclaimableBytes }),
    ...(totals.sizeBytes > 0 && { TotalSize: totals.sizeBytes }),
  };
}

function encodeCacheRecord(record: CacheRecord): BuildCacheRecord {
  return {
    ID: record.id,
    ...(record.parents.length > 0 && { Parents: record.parents }),
    Type: record.type,
    Description: record.description,
    InUse: record.isInUse,
    Shared: record.isShared,
    Size: record.sizeBytes,
    CreatedAt: formatDate(record.createdAtMs),
    LastUsedAt: formatDate(record.usedAtMs),
    UsageCount: record.uses,
  };
}
