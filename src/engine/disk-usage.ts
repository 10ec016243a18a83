/** What the engine's objects take on disk. */
import { NO_FILTERS } from '#base/filters.ts';
import type { Builds } from '#build/build.ts';
import type { CacheRecord } from '#build/disk/disk.ts';
import type { Containers } from '#container/container.ts';
import type { ContainerListEntry } from '#container/views.ts';
import type { ImageSummary } from '#image/image-view.ts';
import type { ImageStore } from '#image/image.ts';
import type { LayerStore } from '#layer/layer.ts';
import type { Volumes, VolumeView } from '#volume/volume.ts';

export type UsageType = 'container' | 'image' | 'volume' | 'build-cache';

/** What was not asked for is empty. */
export interface DiskUsage {
  /** The size of all layers, each counted once. */
  readonly layersBytes: number;
  readonly images: readonly ImageUsage[];
  readonly containers: readonly ContainerListEntry[];
  readonly volumes: readonly VolumeUsage[];
  readonly buildCache: readonly CacheRecord[];
}

interface ImageUsage {
  readonly image: ImageSummary;
  /** How many containers have this image. */
  readonly containers: number;
}

interface VolumeUsage {
  readonly volume: VolumeView;
  readonly sizeBytes: number;
  /** How many containers have it. */
  readonly containers: number;
}

interface UsageSources {
  readonly containers: Containers;
  readonly images: ImageStore;
  readonly layers: LayerStore;
  readonly volumes: Volumes;
  readonly builds: Builds;
}

/** @param types those that are asked for; empty means all */
export async function measureDiskUsage(
  sources: UsageSources,
  types: readonly UsageType[],
): Promise<DiskUsage> {
  const wants = (type: UsageType) => types.length === 0 || types.includes(type);
  const listContainers = { all: true, limit: 0, size: true, filters: NO_FILTERS };
  const [containers, images, volumes] = await Promise.all([
    wants('container') || wants('volume') || wants('image') ? sources.containers.list(listContainers) : [],
    wants('image') ? sources.images.list({ all: false, filters: NO_FILTERS, sharedSize: true }) : [],
    wants('volume') ? measureVolumes(sources.volumes) : [],
  ]);
  const layersBytes = sources.layers.list().reduce((sum, layer) => sum + layer.sizeBytes, 0);
  const usersOf = (volume: string) =>
    containers.filter(({ mounts }) =>
      mounts.some((mount) => mount.type === 'volume' && mount.name === volume),
    ).length;
  return {
    layersBytes: wants('image') ? layersBytes : 0,
    images: images.map((image) => ({
      image,
      containers: containers.filter(({ imageId }) => imageId === image.id).length,
    })),
    containers: wants('container') ? containers : [],
    volumes: volumes.map((usage) => ({ ...usage, containers: usersOf(usage.volume.name) })),
    buildCache: wants('build-cache') ? sources.builds.cacheRecords() : [],
  };
}

function measureVolumes(
  volumes: Volumes,
): Promise<readonly { readonly volume: VolumeView; readonly sizeBytes: number }[]> {
  return Promise.all(
    volumes.list().map(async (volume) => ({ volume, sizeBytes: await volumes.usage(volume.name) })),
  );
}
