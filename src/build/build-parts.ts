import type { KeyedLock } from '#base/keyed-lock.ts';
import type { Logger } from '#base/log.ts';
import type { Semaphore } from '#base/semaphore.ts';
import type { ContainerService } from '#container/containers.ts';
import type { FileImageStore } from '#image/image-store.ts';
import type { LayerUse } from '#layer/layer-store.ts';
import type { Layer, LayerStore, RootArchive, SnapshotStore } from '#layer/layer.ts';
import type { SharedWork } from '#base/shared-work.ts';
import type { ContentStore } from '#store/content.ts';
import type { Metadata } from '#store/metadata.ts';
import type { Solved } from './definition/vertex.ts';
import type { BuildCache } from './cache/build-cache.ts';
import type { CacheDirectories } from './cache/cache-directories.ts';
import type { Checksums } from './cache/checksums.ts';
import type { ContextStore } from './contexts/context-store.ts';
import type { CacheBudget } from './disk/cache-budget.ts';
import type { FileWorkers } from './files/file-workers.ts';
import type { Downloads } from './remote/downloads.ts';
import type { StepLog } from './solve/step-log.ts';

/** The neighbours that builds work with. */
export interface BuildsDependencies {
  readonly cache: BuildCache;
  readonly metadata: Metadata;
  readonly images: FileImageStore;
  readonly content: ContentStore;
  readonly layers: LayerStore & LayerUse & { readonly kind: Layer['kind'] };
  readonly snapshots: SnapshotStore;
  readonly archive: RootArchive;
  readonly containers: Pick<ContainerService, 'runUnlisted'>;
  /** `ROOT/builds`: contexts; not memory, for they may be large. */
  readonly workDirectory: string;
  /** Where layers are shown as one tree. */
  readonly viewDirectory: string;
  /** How much the cache may keep. */
  readonly budget: CacheBudget;
  readonly logger: Logger;
}

/** What the parts of this domain share. */
export interface BuildParts extends BuildsDependencies {
  readonly files: FileWorkers;
  /** By cache key: what several builds want at once. */
  readonly solving: SharedWork<string, Solved>;
  readonly logs: Map<string, StepLog>;
  readonly checksums: Checksums;
  readonly contexts: ContextStore;
  /** What commands keep between builds. */
  readonly caches: CacheDirectories;
  readonly downloads: Downloads;
  /** By the references of base images. */
  readonly pulls: KeyedLock<string>;
  /** One permit a command that runs. */
  readonly commands: Semaphore;
}
