/** The Docker Engine API's system objects. */
import type { ContainerSummary } from './container.ts';
import type { ImageSummary } from './image.ts';
import type { VolumeInspect } from './volume.ts';

/** `GET /version`. */
export interface VersionInfo {
  readonly Platform: { readonly Name: string };
  readonly Components: readonly {
    readonly Name: string;
    readonly Version: string;
    readonly Details: Readonly<Record<string, string>>;
  }[];
  readonly Version: string;
  readonly ApiVersion: string;
  readonly MinAPIVersion: string;
  readonly GitCommit: string;
  readonly GoVersion: string;
  readonly Os: string;
  readonly Arch: string;
  readonly KernelVersion: string;
  readonly BuildTime: string;
  /** Absent: it is not. */
  readonly Experimental?: boolean;
}

/** `GET /system/df`. Without what was not asked for. */
export interface DiskUsage extends Partial<FormerDiskUsage> {
  readonly ImageUsage?: UsageOf<ImageSummary>;
  readonly ContainerUsage?: UsageOf<ContainerSummary>;
  readonly VolumeUsage?: UsageOf<VolumeInspect>;
  readonly BuildCacheUsage?: UsageOf<BuildCacheRecord>;
}

/** What one kind of objects takes; zeros are left out. */
export interface UsageOf<T> {
  readonly ActiveCount?: number;
  readonly TotalCount?: number;
  /** Bytes. */
  readonly TotalSize?: number;
  readonly Reclaimable?: number;
  readonly Items?: readonly T[];
}

/** What clients read that do not ask for `verbose`. */
export interface FormerDiskUsage {
  readonly LayersSize: number;
  readonly Images: readonly ImageSummary[];
  readonly Containers: readonly ContainerSummary[];
  readonly Volumes: readonly VolumeInspect[];
  readonly BuildCache: readonly BuildCacheRecord[];
  readonly BuilderSize: number;
}

/** One thing that the builder keeps. */
export interface BuildCacheRecord {
  readonly ID: string;
  readonly Parents?: readonly string[];
  /** `regular`, `internal`, `exec.cachemount`, `source.local`. */
  readonly Type: string;
  readonly Description: string;
  readonly InUse: boolean;
  /** Images hold it as well. */
  readonly Shared: boolean;
  /** Bytes. */
  readonly Size: number;
  readonly CreatedAt: string;
  readonly LastUsedAt: string | null;
  readonly UsageCount: number;
}
