import { KeyedLock } from '#base/keyed-lock.ts';
import { Semaphore } from '#base/semaphore.ts';
import { CgroupMoves } from '#linux/cgroup-moves.ts';
import { openReadOnlyProgram } from '#linux/read-only-program.ts';
import type { SandboxRecord } from '#network/network.ts';
import type { Metadata } from '#store/metadata.ts';
import { ContainerPaths } from './container-paths.ts';
import { type ContainerService, EngineContainers } from './container-service.ts';
import { ContainerStore } from './container-store.ts';
import type { ContainerContext, ContainersDependencies } from './context.ts';
import { Lookup } from './lookup.ts';
import { BackgroundWork } from '#base/background-work.ts';
import { loadContainers, readBootId } from './run/restore.ts';
import { loadSeccompProfile } from './spec/seccomp.ts';
import { isRunning } from './run/state.ts';
import { Supervisor } from './process/supervisor.ts';

export { containerMigrations } from './container-store.ts';
export type { ContainerService } from './container-service.ts';
export type { ContainersDependencies } from './context.ts';

/** Starts that run at once; more are slower together. */
const CONCURRENT_STARTS = 10;

/** The sandboxes of containers that ran when the last daemon ended: the networks must know them before containers do. */
export function recordedSandboxes(metadata: Metadata): readonly SandboxRecord[] {
  const bootId = readBootId();
  return new ContainerStore(metadata)
    .all()
    .flatMap(([, { state, sandbox }]) =>
      isRunning(state) && state.run.bootId === bootId && sandbox ? [sandbox] : [],
    );
}

/** Reads the records of containers; {@link ContainerService.restore} brings them to life. */
export async function createContainers(dependencies: ContainersDependencies): Promise<ContainerService> {
  const { seccompProfile } = dependencies.defaults;
  const paths = new ContainerPaths(dependencies.directories);
  const { runtime, otherRuntime } = dependencies;
  const context: ContainerContext = {
    ...dependencies,
    lookup: new Lookup(),
    store: new ContainerStore(dependencies.metadata),
    paths,
    supervisor: new Supervisor(paths.notices, new CgroupMoves(dependencies.cgroupLayout)),
    program: openReadOnlyProgram(runtime.path),
    ...(otherRuntime && { otherProgram: openReadOnlyProgram(otherRuntime.path) }),
    locks: new KeyedLock(),
    starts: new Semaphore(CONCURRENT_STARTS),
    pending: new BackgroundWork(dependencies.logger),
    held: new DisposableStack(),
    seccomp: seccompProfile === 'unconfined' ? undefined : loadSeccompProfile(seccompProfile || undefined),
    bootId: readBootId(),
  };
  loadContainers(context);
  return new EngineContainers(context);
}
