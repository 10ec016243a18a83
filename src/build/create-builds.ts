import { mkdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { EmitEvent } from '#base/event.ts';
import { KeyedLock } from '#base/keyed-lock.ts';
import type { Logger } from '#base/log.ts';
import { Semaphore } from '#base/semaphore.ts';
import { SharedWork } from '#base/shared-work.ts';
import type { OwnedContainers } from '#container/engine-containers.ts';
import type { OwnedImages } from '#image/owned-images.ts';
import type { RootArchive, SnapshotStore } from '#layer/layer.ts';
import type { ContentStore } from '#store/content.ts';
import type { ThreadedFileService } from '#linux/threaded-file-service.ts';
import type { Metadata } from '#store/metadata.ts';
import { EngineBuilds } from './builds.ts';
import { type BuildCache, buildCacheMigrations } from './cache/build-cache.ts';
import { CacheDirectories } from './cache/cache-directories.ts';
import { cacheDirectoryMigrations } from './cache/cache-directory-table.ts';
import { Checksums } from './cache/checksums.ts';
import { CACHES, CONTEXTS, DOWNLOADS, removeFormerContexts } from './contexts/build-context.ts';
import type { ContextWork } from './contexts/context-source.ts';
import { ContextStore } from './contexts/context-store.ts';
import { BuilderDisk } from './disk/builder-disk.ts';
import type { CacheBudget } from './disk/cache-budget.ts';
import { cacheMounts } from './disk/cache-mounts.ts';
import { downloadedFiles } from './disk/downloaded-files.ts';
import { syncedContexts } from './disk/synced-contexts.ts';
import { FileWorkers } from './files/file-workers.ts';
import type { BuildLayers } from './dependencies.ts';
import type { BuildRooms } from './one-build.ts';
import { Downloads } from './remote/downloads.ts';
import { LayerTrees } from './solve/layer-trees.ts';
import type { Solved } from './definition/vertex.ts';
import { VertexSolver } from './solve/solve-vertex.ts';
import type { StepLog } from './solve/step-log.ts';
import type { SolverWork } from './solve/solver.ts';

/** The tables of this domain. */
export const buildMigrations = [buildCacheMigrations, cacheDirectoryMigrations] as const;

/** More than one, since commands wait more than they compute. */
const COMMANDS_PER_CORE = 4;

/** The domains that builds work with. */
export interface BuildsOptions {
  readonly cache: BuildCache;
  readonly metadata: Metadata;
  readonly images: OwnedImages;
  readonly content: ContentStore;
  readonly layers: BuildLayers;
  readonly snapshots: SnapshotStore;
  readonly archive: RootArchive;
  readonly fileService: ThreadedFileService;
  readonly containers: Pick<OwnedContainers, 'runStep'>;
  /** `ROOT/builds`: contexts; not memory, for they may be large. */
  readonly workDirectory: string;
  /** Where layers are shown as one tree. */
  readonly viewDirectory: string;
  /** How much the cache may keep. */
  readonly budget: CacheBudget;
  readonly emit: EmitEvent;
  readonly logger: Logger;
}

/** What this domain keeps while the engine runs. */
interface BuildsState {
  readonly files: FileWorkers;
  readonly trees: LayerTrees;
  readonly checksums: Checksums;
  readonly contexts: ContextStore;
  readonly caches: CacheDirectories;
  readonly downloads: Downloads;
}

/** Opens the builder, and removes what builds of a former process have left. The caller disposes it. */
export async function createBuilds(options: BuildsOptions): Promise<EngineBuilds> {
  const { logger, workDirectory } = options;
  mkdirSync(workDirectory, { recursive: true, mode: 0o700 });
  await removeFormerContexts(workDirectory);
  const files = new FileWorkers(options.fileService);
  const caches = new CacheDirectories({ ...options, files, directory: join(workDirectory, CACHES) });
  const downloads = new Downloads({ files, directory: join(workDirectory, DOWNLOADS) });
  await Promise.all([caches.recover(), downloads.recover()]);
  const contexts = new ContextStore({ directory: join(workDirectory, CONTEXTS), logger });
  const trees = new LayerTrees(options);
  const state = { files, trees, checksums: new Checksums(), contexts, caches, downloads };
  const kept = [cacheMounts(caches), downloadedFiles(downloads), syncedContexts(contexts)];
  const disk = new BuilderDisk({ ...options, cached: options }, kept);
  return new EngineBuilds(roomsOf(options, state), disk, [contexts, caches, files]);
}

function roomsOf(options: BuildsOptions, state: BuildsState): BuildRooms {
  const { images, content, layers, cache, logger } = options;
  const { files, trees } = state;
  const packing = { content, layers, images, cache };
  return {
    contexts: contextWork(options, state),
    bases: { images, intake: { content, layers }, pulls: new KeyedLock() },
    solver: solverWork(options, state),
    results: { trees, files, images },
    exports: { images, packing, trees },
    caches: { registries: images, packing, logger },
  };
}

function contextWork({ layers, archive, workDirectory }: BuildsOptions, state: BuildsState): ContextWork {
  const { files, contexts, downloads, trees } = state;
  return { intake: { layers, files, archive }, contexts, downloads, trees, workDirectory };
}

function solverWork(options: BuildsOptions, state: BuildsState): SolverWork {
  const { cache, images, layers, snapshots, archive, containers, workDirectory } = options;
  const { files, trees, checksums, caches, downloads } = state;
  const commands = new Semaphore(availableParallelism() * COMMANDS_PER_CORE);
  const mounts = { files, checksums, trees, snapshots, caches, workDirectory };
  const vertices = new VertexSolver(
    { containers, commands, mounts, snapshots, images },
    { files, archive, trees, snapshots, images },
  );
  const sources = { trees, files, checksums };
  const shared = { work: new SharedWork<string, Solved>(), logs: new Map<string, StepLog>() };
  return { cache, layers, leases: images, downloads, vertices, sources, shared };
}
