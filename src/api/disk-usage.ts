import { formatDate } from '#base/timestamps.ts';
import type { CacheRecord } from '#build/disk/disk.ts';
import type { DiskUsage } from '#engine/disk-usage.ts';
import type { BuildCacheRecord, DiskUsage as WireDiskUsage } from '#wire/system.ts';
import { encodeListEntry } from './container/encode-list.ts';
import { encodeImageSummary } from './image-encoding.ts';
import { encodeVolume } from './volumes.ts';

/** The body of `GET /system/df`. */
export function encodeDiskUsage(usage: DiskUsage): WireDiskUsage {
  return {
    LayersSize: usage.layersBytes,
    Images: usage.images.map(({ image, containers }) => encodeImageSummary({ ...image, containers })),
    Containers: usage.containers.map(encodeListEntry),
    Volumes: usage.volumes.map(({ volume, sizeBytes, containers }) => ({
      ...encodeVolume(volume),
      UsageData: { Size: sizeBytes, RefCount: containers },
    })),
    BuildCache: usage.buildCache.map(encodeCacheRecord),
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
