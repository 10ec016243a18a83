/** Constructs every domain of one engine, in the order of their layers, and hands them their neighbours. */
import { silentLogger } from '#base/log.ts';
import type { Builds } from '#build/build.ts';
import { BuildCache } from '#build/cache/build-cache.ts';
import { buildMigrations, createBuilds } from '#build/create-builds.ts';
import {
  type ContainerService,
  type ContainersDependencies,
  containerMigrations,
  createContainers,
  recordedSandboxes,
} from '#container/containers.ts';
import { createImageStore, imageMigrations } from '#image/image-store.ts';
import type { ImageStore } from '#image/image.ts';
import { type FileLayerStore, createLayerStore } from '#layer/layer-store.ts';
import { createRootArchive } from '#layer/root-archive.ts';
import { createSnapshotStore } from '#layer/snapshot-store.ts';
import { LayerWorkerPool } from '#layer/worker-pool.ts';
import { removeEmptyCgroup } from '#linux/cgroup-removal.ts';
import { type CgroupSetup, prepareCgroups } from '#linux/cgroups.ts';
import { ThreadedFileService } from '#linux/threaded-file-service.ts';
import { createLogDrivers, DEFAULT_LOG_DRIVER } from '#log/drivers.ts';
import type { LogDriver } from '#log/log.ts';
import type { Networks, NetworksOptions } from '#network/network.ts';
import { createNetworks, networkMigrations } from '#network/create-networks.ts';
import { createRegistries } from '#registry/registries.ts';
import type { Registries } from '#registry/registry.ts';
import { FileContentStore } from '#store/file-content-store.ts';
import { Leases } from '#store/leases.ts';
import { SqliteMetadata } from '#store/sqlite-metadata.ts';
import type { Volumes } from '#volume/volume.ts';
import { createVolumes, volumeMigrations } from '#volume/volumes.ts';
import { type EngineDirectories, hostNames, prepareDirectories } from './directories.ts';
import { EventBus } from './event-bus.ts';
import type { EngineOptions } from './options.ts';
import { type OciRuntime, findOtherRuntime, findRuntime } from './runtime.ts';

/** Bytes and entries of one layer: far above what images have, far below what fills a disk unnoticed. */
const DEFAULT_LAYER_BYTES = 64 * 2 ** 30;
const DEFAULT_LAYER_ENTRIES = 5_000_000;
const DEFAULT_SHM_BYTES = 64 * 2 ** 20;
const DEFAULT_STOP_TIMEOUT_SECONDS = 10;
/** What `compose up` of a large project starts in one go; a namespace in stock costs some descriptors. */
const DEFAULT_POOL_SIZE = 45;
const DEFAULT_INIT_PATH = '/usr/bin/tini-static';

export interface EngineParts {
  readonly events: EventBus;
  readonly directories: EngineDirectories;
  readonly cgroups: CgroupSetup;
  readonly runtime: OciRuntime;
  readonly otherRuntime: Omit<OciRuntime, 'version'> | undefined;
  readonly layers: FileLayerStore;
  readonly images: ImageStore;
  readonly builds: Builds;
  readonly registries: Registries;
  readonly logs: ReadonlyMap<string, LogDriver>;
  readonly volumes: Volumes;
  readonly networks: Networks;
  readonly containers: ContainerService;
  readonly logDriver: string;
}

/** Opens everything below `options.root`; whatever was opened is on `resources`, also when a later step fails. */
export async function wire(options: EngineOptions, resources: AsyncDisposableStack): Promise<EngineParts> {
  const logger = options.logger ?? silentLogger;
  const directories = prepareDirectories(options);
  const migrations = [
    imageMigrations,
    volumeMigrations,
    networkMigrations,
    containerMigrations,
    ...buildMigrations,
  ];
  const metadata = resources.use(new SqliteMetadata(directories.root, migrations));
  const cgroups = prepareCgroups();
  for (const warning of cgroups.warnings) logger.warn(warning);
  const runtime = await findRuntime(options.runtime ?? 'auto', cgroups.runtime);
  const otherRuntime = findOtherRuntime(runtime.name, cgroups.runtime);
  const events = new EventBus();
  resources.defer(() => events.close());
  // A parent that the user names is the user's; ours goes with the last container.
  const { cgroupParent } = containerDefaults(options);
  if (options.cgroupParent === undefined)
    resources.defer(() => removeEmptyCgroup(cgroups.layout, cgroupParent));

  // Images and volumes ask who uses them; the answer comes from the containers, which stand above them.
  let containers: ContainerService | undefined;
  const content = resources.use(new FileContentStore(directories.content));
  const files = resources.use(new ThreadedFileService());
  const workers = resources.use(new LayerWorkerPool(undefined, files));
  const limits = {
    maximumLayerBytes: options.maximumLayerBytes ?? DEFAULT_LAYER_BYTES,
    maximumEntries: DEFAULT_LAYER_ENTRIES,
  };
  const layers = resources.use(
    createLayerStore({
      rootDirectory: directories.layers,
      runDirectory: directories.runLayers,
      mode: options.layerMode ?? 'auto',
      content,
      limits,
      logger,
      workers,
    }),
  );
  const snapshots = resources.use(
    createSnapshotStore({
      rootDirectory: directories.snapshots,
      runDirectory: directories.runSnapshots,
      layers,
      logger,
      workers,
    }),
  );
  const registries = resources.use(
    createRegistries({
      insecureRegistries: options.insecureRegistries ?? [],
      registryMirrors: options.registryMirrors ?? [],
    }),
  );
  const cache = new BuildCache(metadata);
  const images = resources.use(
    await createImageStore({
      content,
      metadata,
      layers,
      leases: new Leases(),
      heldElsewhere: () => cache.held(),
      registries,
      ...(options.maxConcurrentUploads && { maximumUploads: options.maxConcurrentUploads }),
      ...(options.maxConcurrentDownloads && { maximumDownloads: options.maxConcurrentDownloads }),
      use: { containersOf: (id) => containers?.imageUse.containersOf(id) ?? [] },
      emit: events.emit,
      ...(options.imageBudget && { budget: options.imageBudget }),
      logger,
    }),
  );
  const volumes = await createVolumes({
    rootDirectory: directories.volumes,
    metadata,
    files,
    use: { containersOf: (name) => containers?.volumeUse.containersOf(name) ?? [] },
    emit: events.emit,
    logger,
  });
  const networks = resources.use(
    await createNetworks({
      ...networkOptions(options, directories),
      metadata,
      emit: events.emit,
      logger,
      restore: recordedSandboxes(metadata),
    }),
  );
  const logs = createLogDrivers();
  const defaults = containerDefaults(options);
  const archive = resources.use(createRootArchive(workers));
  const service = await createContainers({
    metadata,
    snapshots,
    archive,
    files,
    images,
    logs,
    volumes,
    networks,
    emit: events.emit,
    logger,
    directories: { root: directories.containers, run: directories.runContainers },
    runtime,
    ...(otherRuntime && { otherRuntime }),
    cgroupLayout: cgroups.layout,
    defaults,
  });
  containers = service;
  resources.defer(() => service.close());
  await service.restore();
  // Not earlier: only now is it known which images containers use.
  images.requestCollection();
  const builds = resources.use(
    await createBuilds({
      cache,
      metadata,
      images,
      content,
      layers,
      snapshots,
      archive,
      fileService: files,
      containers: service,
      workDirectory: directories.builds,
      viewDirectory: directories.runSnapshots,
      budget: options.buildCache ?? { enabled: true },
      logger,
    }),
  );
  const { logDriver } = defaults;
  return {
    events,
    directories,
    cgroups,
    runtime,
    otherRuntime,
    layers,
    images,
    builds,
    registries,
    logs,
    volumes,
    networks,
    containers: service,
    logDriver,
  };
}

function networkOptions(options: EngineOptions, directories: EngineDirectories): NetworksOptions {
  const { bridge, table } = hostNames(options);
  return {
    runDirectory: directories.runNetworks,
    bridgeName: bridge,
    tableName: table,
    ...(options.bip !== undefined && { bridgeAddress: options.bip }),
    poolSize: options.networkPoolSize ?? DEFAULT_POOL_SIZE,
    iptables: options.iptables ?? true,
    userlandProxy: options.userlandProxy ?? true,
    icc: options.icc ?? true,
    defaultBindAddress: options.ip ?? '0.0.0.0',
    dns: options.dns ?? [],
    dnsSearch: options.dnsSearch ?? [],
    dnsOptions: options.dnsOptions ?? [],
  };
}

function containerDefaults(options: EngineOptions): ContainersDependencies['defaults'] {
  return {
    logDriver: options.logDriver ?? DEFAULT_LOG_DRIVER,
    logOptions: options.logOptions ?? {},
    stopTimeoutSeconds: DEFAULT_STOP_TIMEOUT_SECONDS,
    cgroupParent: options.cgroupParent ?? `/${hostNames(options).table}`,
    seccompProfile: options.seccompProfile ?? '',
    initPath: options.initPath ?? DEFAULT_INIT_PATH,
    shmSizeBytes: options.defaultShmSize ?? DEFAULT_SHM_BYTES,
    ulimits: options.defaultUlimits ?? [],
    ...(options.openFiles && { openFiles: options.openFiles }),
  };
}
