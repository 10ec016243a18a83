/** Constructs every domain of one engine, in the order of their layers, and hands them their neighbours. */
import { type Logger, silentLogger } from '#base/log.ts';
import type { Builds } from '#build/build.ts';
import { BuildCache } from '#build/cache/build-cache.ts';
import { buildMigrations, createBuilds } from '#build/create-builds.ts';
import { createContainers, recordedSandboxes } from '#container/create-containers.ts';
import type { OwnedContainers } from '#container/engine-containers.ts';
import type { ContainersDependencies } from '#container/dependencies.ts';
import { containerMigrations } from '#container/container-store.ts';
import { createImages } from '#image/create-images.ts';
import { imageMigrations } from '#image/image-migrations.ts';
import type { OwnedImages } from '#image/owned-images.ts';
import type { ImageStore, ImageUse } from '#image/image.ts';
import { type FileLayerStore, createLayerStore } from '#layer/layer-store.ts';
import type { RootArchive } from '#layer/layer.ts';
import { createRootArchive } from '#layer/root-archive.ts';
import { createSnapshotStore, type OverlaySnapshotStore } from '#layer/snapshot-store.ts';
import { LayerWorkerPool } from '#layer/worker-pool.ts';
import { removeEmptyCgroup } from '#linux/cgroup-removal.ts';
import { type CgroupSetup, prepareCgroups } from '#linux/cgroup-setup.ts';
import { ThreadedFileService } from '#linux/threaded-file-service.ts';
import { createLogDrivers, DEFAULT_LOG_DRIVER } from '#log/drivers.ts';
import type { LogDriver } from '#log/log.ts';
import type { Networks, NetworksOptions } from '#network/network.ts';
import { createNetworks } from '#network/create-networks.ts';
import { networkMigrations } from '#network/network-table.ts';
import { createRegistries, type OwnedRegistries } from '#registry/registries.ts';
import type { Registries } from '#registry/registry.ts';
import { ExpendableDigests, storeMigrations } from '#store/expendable.ts';
import { FileContentStore } from '#store/file-content-store.ts';
import type { ContentStore } from '#store/content.ts';
import { MemoryLeases } from '#store/leases.ts';
import { LostDirectory } from '#store/lost-and-found.ts';
import { checkMetadata } from '#store/metadata-check.ts';
import type { Metadata } from '#store/metadata.ts';
import { MetadataBackup } from '#store/metadata-backup.ts';
import { SqliteMetadata } from '#store/sqlite-metadata.ts';
import type { Volumes, VolumeUse } from '#volume/volume.ts';
import { createVolumes } from '#volume/volumes.ts';
import { volumeMigrations } from '#volume/volume-table.ts';
import {
  type EngineDirectories,
  engineDirectories,
  hostNames,
  NO_BRIDGE,
  makeDirectories,
  makeRootAndRun,
} from './directories.ts';
import { EventBus } from './event-bus.ts';
import type { Integrity } from './integrity.ts';
import type { EngineOptions } from './options.ts';
import { metadataEvidence } from './root-evidence.ts';
import type { CheckedParts } from './root-findings.ts';
import { RootIntegrity } from './root-integrity.ts';
import { lockRun } from './run-lock.ts';
import { type OciRuntime, findOtherRuntime, findRuntime } from './runtime.ts';

/** Bytes and entries of one layer: far above what images have, far below what fills a disk. */
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
  readonly containers: OwnedContainers;
  readonly integrity: Integrity;
  readonly logDriver: string;
}

/** What all domains stand on. */
interface Foundation {
  readonly options: EngineOptions;
  readonly logger: Logger;
  /** Whatever was opened, in its order. */
  readonly resources: AsyncDisposableStack;
  readonly directories: EngineDirectories;
  readonly metadata: Metadata;
  readonly events: EventBus;
  readonly content: ContentStore;
  readonly lost: LostDirectory;
  readonly files: ThreadedFileService;
}

/** Layers, and the roots that are made of them. */
interface Roots {
  readonly layers: FileLayerStore;
  readonly snapshots: OverlaySnapshotStore;
  readonly archive: RootArchive;
  readonly hash: CheckedParts['hash'];
}

type Runtimes = Pick<EngineParts, 'cgroups' | 'runtime' | 'otherRuntime'>;

/** Opens everything below `options.root`; whatever was opened is on `resources`, also when a later step fails. */
export async function wire(options: EngineOptions, resources: AsyncDisposableStack): Promise<EngineParts> {
  const foundation = layFoundation(options, resources);
  const { directories, events } = foundation;
  const runtimes = await findRuntimes(foundation);
  const roots = openRoots(foundation);
  const registries = resources.use(
    createRegistries({
      insecureRegistries: options.insecureRegistries ?? [],
      registryMirrors: options.registryMirrors ?? [],
    }),
  );
  const cache = new BuildCache(foundation.metadata);
  const users = new Users();
  const images = await openImages(foundation, { layers: roots.layers, registries, cache, users });
  // Images make their lost layers again.
  roots.snapshots.reopen();
  const volumes = await openVolumes(foundation, users);
  const networks = await openNetworks(foundation);
  const logs = createLogDrivers();
  const containers = await createContainers({
    ...foundation,
    ...roots,
    images,
    logs,
    volumes,
    networks,
    emit: events.emit,
    directories: { root: directories.containers, run: directories.runContainers },
    runtime: runtimes.runtime,
    ...(runtimes.otherRuntime && { otherRuntime: runtimes.otherRuntime }),
    cgroupLayout: runtimes.cgroups.layout,
    defaults: containerDefaults(options),
  });
  users.containers = containers;
  resources.defer(() => containers.close());
  await containers.restore();
  // Not earlier: only now is it known which images containers use.
  images.requestCollection();
  const builds = resources.use(
    await createBuilds({
      ...foundation,
      ...roots,
      cache,
      images,
      fileService: foundation.files,
      containers,
      workDirectory: directories.builds,
      viewDirectory: directories.runSnapshots,
      budget: options.buildCache ?? { enabled: true },
      emit: events.emit,
    }),
  );
  const { logDriver } = containerDefaults(options);
  const { layers } = roots;
  const domains = { layers, images, builds, registries, logs, volumes, networks, containers };
  const integrity = integrityOf(foundation, roots, domains);
  return { events, directories, ...runtimes, ...domains, integrity, logDriver };
}

function integrityOf(
  { content, lost, directories }: Foundation,
  { layers, snapshots, hash }: Roots,
  { images, containers, volumes, networks }: CheckedDomains,
): Integrity {
  const { upkeep } = images;
  const databaseCheck = () => checkMetadata(directories.root);
  const files = { content, lost, layers, snapshots, hash, checkMetadata: databaseCheck };
  return new RootIntegrity({ ...files, upkeep, containers, volumes, networks });
}

interface CheckedDomains extends Pick<EngineParts, 'containers' | 'volumes' | 'networks'> {
  readonly images: OwnedImages;
}

/** Images and volumes ask who uses them; the answer comes from the containers, which stand above them. */
class Users {
  containers: OwnedContainers | undefined;

  readonly ofImages: ImageUse = {
    containersOf: (id) => this.containers?.imageUse.containersOf(id) ?? [],
  };

  readonly ofVolumes: VolumeUse = {
    containersOf: (name) => this.containers?.volumeUse.containersOf(name) ?? [],
  };
}

function layFoundation(options: EngineOptions, resources: AsyncDisposableStack): Foundation {
  const logger = options.logger ?? silentLogger;
  const directories = engineDirectories(options);
  makeRootAndRun(directories);
  resources.use(lockRun(directories));
  makeDirectories(directories);
  const migrations = [
    storeMigrations,
    imageMigrations,
    volumeMigrations,
    networkMigrations,
    containerMigrations,
    ...buildMigrations,
  ];
  const metadata = resources.use(
    new SqliteMetadata(directories.root, migrations, metadataEvidence(directories)),
  );
  resources.use(new MetadataBackup(directories.root, metadata.database, logger));
  const events = new EventBus();
  resources.defer(() => events.close());
  const content = resources.use(new FileContentStore(directories.content));
  const files = resources.use(new ThreadedFileService());
  const lost = new LostDirectory(directories.root, logger);
  return { options, logger, resources, directories, metadata, events, content, lost, files };
}

async function findRuntimes({ options, logger, resources }: Foundation): Promise<Runtimes> {
  const cgroups = prepareCgroups();
  for (const warning of cgroups.warnings) logger.warn(warning);
  const runtime = await findRuntime(options.runtime ?? 'auto', cgroups.runtime);
  const otherRuntime = findOtherRuntime(runtime.name, cgroups.runtime);
  // A parent that the user names is the user's; ours goes with the last container.
  const { cgroupParent } = containerDefaults(options);
  if (options.cgroupParent === undefined)
    resources.defer(() => removeEmptyCgroup(cgroups.layout, cgroupParent));
  return { cgroups, runtime, otherRuntime };
}

function openRoots({ options, logger, resources, directories, content, files, lost }: Foundation): Roots {
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
      lost,
      logger,
      workers,
    }),
  );
  const snapshots = resources.use(
    createSnapshotStore({
      rootDirectory: directories.snapshots,
      runDirectory: directories.runSnapshots,
      layers,
      lost,
      logger,
      workers,
    }),
  );
  const hash: CheckedParts['hash'] = (path, signal) => workers.run('hash', { path }, signal && { signal });
  return { layers, snapshots, hash, archive: resources.use(createRootArchive(workers)) };
}

interface ImageNeighbours {
  readonly layers: FileLayerStore;
  readonly registries: OwnedRegistries;
  readonly cache: BuildCache;
  readonly users: Users;
}

async function openImages(
  { options, logger, resources, metadata, events, content, lost }: Foundation,
  { layers, registries, cache, users }: ImageNeighbours,
): Promise<OwnedImages> {
  const expendable = new ExpendableDigests(metadata);
  const store = await createImages({
    content,
    metadata,
    layers,
    leases: new MemoryLeases(expendable),
    expendable,
    lost,
    heldElsewhere: () => cache.held(),
    registries,
    ...(options.maxConcurrentUploads && { maximumUploads: options.maxConcurrentUploads }),
    ...(options.maxConcurrentDownloads && { maximumDownloads: options.maxConcurrentDownloads }),
    use: users.ofImages,
    emit: events.emit,
    ...(options.imageBudget && { budget: options.imageBudget }),
    logger,
  });
  return resources.use(store);
}

function openVolumes({ directories, events, ...foundation }: Foundation, users: Users): Promise<Volumes> {
  const { metadata, files, logger } = foundation;
  const { emit } = events;
  return createVolumes({
    rootDirectory: directories.volumes,
    metadata,
    files,
    use: users.ofVolumes,
    emit,
    logger,
  });
}

async function openNetworks({ options, directories, ...foundation }: Foundation): Promise<Networks> {
  const { metadata, events, logger, resources } = foundation;
  const networks = await createNetworks({
    ...networkOptions(options, directories),
    metadata,
    emit: events.emit,
    logger,
    restore: recordedSandboxes(metadata, logger),
  });
  return resources.use(networks);
}

function networkOptions(options: EngineOptions, directories: EngineDirectories): NetworksOptions {
  const { bridge, table } = hostNames(options);
  return {
    runDirectory: directories.runNetworks,
    bridgeName: bridge,
    tableName: table,
    ...(options.bip !== undefined && { bridgeAddress: options.bip }),
    hasDefaultBridge: options.bridge !== NO_BRIDGE,
    ...(options.fixedCidr !== undefined && { addressRange: options.fixedCidr }),
    ...(options.mtu !== undefined && { mtu: options.mtu }),
    ipv6: options.ipv6 ?? false,
    ...(options.fixedCidrV6 !== undefined && { bridgeSubnet6: options.fixedCidrV6 }),
    masquerades: options.ipMasq ?? true,
    forwards: options.ipForward ?? true,
    ...(options.addressPools && { addressPools: options.addressPools }),
    ...(options.hostGateway !== undefined && { hostGateway: options.hostGateway }),
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
    isLogDriverChosen: options.logDriver !== undefined,
    logOptions: options.logOptions ?? {},
    stopTimeoutSeconds: DEFAULT_STOP_TIMEOUT_SECONDS,
    cgroupParent: options.cgroupParent ?? `/${hostNames(options).table}`,
    seccompProfile: options.seccompProfile === 'builtin' ? '' : (options.seccompProfile ?? ''),
    initPath: options.initPath ?? DEFAULT_INIT_PATH,
    init: options.init ?? false,
    noNewPrivileges: options.noNewPrivileges ?? false,
    ipc: options.ipcMode ?? 'private',
    ...(options.cgroupNamespace && { cgroupNamespace: options.cgroupNamespace }),
    shmSizeBytes: options.defaultShmSize ?? DEFAULT_SHM_BYTES,
    ulimits: options.defaultUlimits ?? [],
    ...(options.openFiles && { openFiles: options.openFiles }),
  };
}
