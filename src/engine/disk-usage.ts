import type { Builds } from '#build/build.ts';
import type { CacheRecord } from '#build/disk/cache-records.ts';
import type { Containers } from '#container/container.ts';
import type { ImageStore } from '#image/image.ts';
import type { LayerStore } from '#layer/layer.ts';
import type { Volumes } from '#volume/volume.ts';
import type { BuildCacheRecord, DiskUsage } from '#wire/system.ts';
import { formatDate } from '#base/timestamps.ts';
import type { VolumeInspect } from '#wire/volume.ts';

export type UsageType = 'container' | 'image' | 'volume' | 'build-cache';

interface UsageSources {
  readonly containers: Containers;
  readonly images: ImageStore;
  readonly layers: LayerStore;
  readonly volumes: Volumes;
  readonly builds: Builds;
}

const NONE: ReadonlyMap<string, readonly string[]> = new Map();

/** The body of `GET /system/df`; what is not in `types` is empty. */
export async function measureDiskUsage(
  sources: UsageSources,
  types: readonly UsageType[],
): Promise<DiskUsage> {
  const wants = (type: UsageType) => types.length === 0 || types.includes(type);
  const listContainers = { all: true, limit: 0, size: true, filters: NONE };
  const [containers, images, volumes] = await Promise.all([
    wants('container') || wants('volume') || wants('image') ? sources.containers.list(listContainers) : [],
    wants('image') ? sources.images.list({ all: true, filters: NONE, sharedSize: true }) : [],
    wants('volume') ? measureVolumes(sources.volumes) : [],
  ]);
  const layersSize = sources.layers.list().reduce((sum, layer) => sum + layer.sizeBytes, 0);
  const usersOf = (volume: string) =>
    containers.filter((container) => container.Mounts.some((mount) => mount.Name === volume)).length;
  return {
    LayersSize: wants('image') ? layersSize : 0,
    Images: images.map((image) => ({
      ...image,
      Containers: containers.filter((container) => container.ImageID === image.Id).length,
    })),
    Containers: wants('container') ? containers : [],
    Volumes: volumes.map(({ volume, sizeBytes }) => ({
      ...volume,
      UsageData: { Size: sizeBytes, RefCount: usersOf(volume.Name) },
    })),
    BuildCache: wants('build-cache') ? sources.builds.cacheRecords().map(buildCacheRecord) : [],
  };
}

function buildCacheRecord(record: CacheRecord): BuildCacheRecord {
  const { id, parents, type, description, isInUse, isShared, sizeBytes, createdAtMs, usedAtMs, uses } =
    record;
  return {
    ID: id,
    ...(parents.length > 0 && { Parents: parents }),
    Type: type,
    Description: description,
    InUse: isInUse,
    Shared: isShared,
    Size: sizeBytes,
    CreatedAt: formatDate(createdAtMs),
    LastUsedAt: formatDate(usedAtMs),
    UsageCount: uses,
  };
}

function measureVolumes(
  volumes: Volumes,
): Promise<readonly { readonly volume: VolumeInspect; readonly sizeBytes: number }[]> {
  return Promise.all(
    volumes.list().map(async (volume) => ({ volume, sizeBytes: await volumes.usage(volume.Name) })),
  );
}
