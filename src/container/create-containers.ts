/** Constructs the containers of one engine: what each verb works with is put together here. */
import { BackgroundWork } from '#base/background-work.ts';
import type { Logger } from '#base/log.ts';
import { Semaphore } from '#base/semaphore.ts';
import { currentBootId } from '#linux/boot-id.ts';
import { cgroupFeatures } from '#linux/cgroup-features.ts';
import { CgroupMoves } from '#linux/cgroup-moves.ts';
import type { SandboxRecord } from '#network/network.ts';
import type { Metadata } from '#store/metadata.ts';
import { ContainerPaths } from './container-paths.ts';
import { ContainerStore } from './container-store.ts';
import {
  type OwnedContainers,
  EngineContainers,
  type QueryRoles,
  type VerbRoles,
} from './engine-containers.ts';
import { Execs } from './exec/execs.ts';
import { ContainerProcesses } from './exec/run-process.ts';
import { Lookup } from './lookup.ts';
import type { ContainersDependencies } from './dependencies.ts';
import { ContainerCgroups } from './process/container-cgroups.ts';
import { Runtimes } from './process/runtimes.ts';
import { Supervisor } from './process/supervisor.ts';
import type { RemovalRoles } from './remove.ts';
import { discardRun } from './run/discard-run.ts';
import type { ExitRoles } from './run/exit.ts';
import type { LaunchRoles } from './run/launch.ts';
import { type Container, makeContainer } from './run/container.ts';
import type { MakeContainer, RestoreRoles } from './run/restore.ts';
import type { StartRoles } from './run/start.ts';
import { isRunning } from './run/state.ts';
import { loadSeccompProfile } from './spec/seccomp.ts';

/** Starts that run at once; more are slower together. */
const CONCURRENT_STARTS = 10;

/**
 * The sandboxes of containers that ran when the last daemon ended: the networks must know them before containers do.
 */
export function recordedSandboxes(metadata: Metadata, logger: Logger): readonly SandboxRecord[] {
  const bootId = currentBootId();
  return new ContainerStore(metadata)
    .all(logger)
    .flatMap(({ progress: { state, sandbox } }) =>
      isRunning(state) && state.run.bootId === bootId && sandbox ? [sandbox] : [],
    );
}

/** What this domain brings itself. */
interface OwnParts {
  readonly lookup: Lookup<Container>;
  readonly store: ContainerStore;
  readonly paths: ContainerPaths;
  readonly runtimes: Runtimes;
  readonly supervisor: Supervisor;
  readonly cgroups: ContainerCgroups;
  readonly background: BackgroundWork;
}

/** {@link OwnedContainers.restore} reads the records of containers and brings them to life. */
export async function createContainers(dependencies: ContainersDependencies): Promise<OwnedContainers> {
  const own = createOwnParts(dependencies);
  const { lookup, store, background, supervisor, runtimes, paths } = own;
  const { snapshots, logger, lost, emit } = dependencies;
  const make: MakeContainer = (definition, state) =>
    makeContainer({ store, emit, logger, logs: dependencies.logs, paths }, definition, state);
  const start = startRoles(dependencies, own);
  const verbs = verbRoles(dependencies, own, { start, make });
  const orphans = { paths, supervisor, runtimes, snapshots, logger, lost, held: new DisposableStack() };
  const restore: RestoreRoles = { store, lookup, paths, supervisor, orphans, start, make };
  const { files, defaults } = dependencies;
  const processes = new ContainerProcesses({
    lookup,
    supervisor,
    runtimes,
    files,
    snapshots,
    paths,
    defaults,
  });
  return new EngineContainers({
    lookup,
    execs: new Execs({ lookup, processes, background, logger }),
    verbs,
    queries: queryRoles(dependencies, own),
    prune: { lookup, snapshots, removal: start.exit.removal, emit, logger },
    restore,
    release: () => {
      supervisor[Symbol.dispose]();
      runtimes[Symbol.dispose]();
    },
  });
}

function createOwnParts(dependencies: ContainersDependencies): OwnParts {
  const { metadata, logger, cgroupLayout, defaults, runtime, otherRuntime } = dependencies;
  const paths = new ContainerPaths(dependencies.directories);
  return {
    lookup: new Lookup(),
    store: new ContainerStore(metadata),
    paths,
    runtimes: new Runtimes(otherRuntime ? [runtime, otherRuntime] : [runtime], paths),
    supervisor: new Supervisor(paths.statusFiles, new CgroupMoves(cgroupLayout)),
    cgroups: new ContainerCgroups(cgroupLayout, defaults.cgroupParent),
    background: new BackgroundWork(logger),
  };
}

function startRoles(dependencies: ContainersDependencies, own: OwnParts): StartRoles {
  const { snapshots, volumes, files, networks, logger } = dependencies;
  const { store, cgroups, paths, lookup } = own;
  return {
    launch: launchRoles(dependencies, own),
    mounts: { volumes, files, paths, lookup },
    snapshots,
    store,
    cgroups,
    exit: exitRoles(dependencies, own),
    relink: { lookup, networks, hosts: { files, logger } },
    bootId: currentBootId(),
  };
}

function launchRoles(dependencies: ContainersDependencies, own: OwnParts): LaunchRoles {
  const { networks, files } = dependencies;
  const { seccompProfile } = dependencies.defaults;
  const { lookup, paths, cgroups, supervisor, runtimes } = own;
  const seccomp =
    seccompProfile === 'unconfined' ? undefined : loadSeccompProfile(seccompProfile || undefined);
  return {
    network: { networks, lookup, paths },
    bundle: { files, lookup, cgroups, confinement: { ...dependencies.defaults, seccomp } },
    supervisor,
    runtimes,
    paths,
    starts: new Semaphore(CONCURRENT_STARTS),
  };
}

function exitRoles(dependencies: ContainersDependencies, own: OwnParts): ExitRoles {
  const { networks, volumes, snapshots, images, logger } = dependencies;
  const { paths, runtimes, background, store, lookup } = own;
  const discard = (id: string) => discardRun({ ...own, logger }, id);
  const removal: RemovalRoles = { store, lookup, snapshots, volumes, images, paths, discard, logger };
  return { networks, volumes, snapshots, paths, runtimes, removal, background };
}

function verbRoles(
  dependencies: ContainersDependencies,
  own: OwnParts,
  { start, make }: { readonly start: StartRoles; readonly make: MakeContainer },
): VerbRoles {
  const { images, networks, snapshots, volumes, files, logger, defaults } = dependencies;
  const { lookup, store, paths, cgroups, runtimes } = own;
  const features = cgroupFeatures(dependencies.cgroupLayout);
  const host = { ...dependencies, lookup, cgroupFeatures: features };
  return {
    create: {
      host,
      images,
      networks,
      table: { lookup, store, make },
      storage: { snapshots, volumes, paths, files, logger },
    },
    start,
    signal: { cgroups, stopTimeoutSeconds: defaults.stopTimeoutSeconds },
    rename: { lookup, networks },
    networking: { networks, store, hosts: { files, logger } },
    update: { paths, cgroups, features, runtimes, files },
    commit: { images, snapshots, cgroups },
    step: { launch: start.launch, snapshots, host },
  };
}

function queryRoles(dependencies: ContainersDependencies, own: OwnParts): QueryRoles {
  const { images, volumes, snapshots, archive, defaults, files } = dependencies;
  const { paths, lookup, background } = own;
  return {
    views: { lookup, images, volumes, snapshots, paths, ulimits: defaults.ulimits },
    archives: { archive, files: { lookup, snapshots, volumes, files, paths }, background },
    snapshots,
  };
}
