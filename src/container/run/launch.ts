import { mkdirSync, rmSync } from 'node:fs';
import type { Semaphore } from '#base/semaphore.ts';
import { removeEmptyCgroup } from '#linux/cgroup-removal.ts';
import type { SandboxRecord } from '#network/network.ts';
import type { ContainerPaths } from '../container-paths.ts';
import type { ContainerSpec } from '../container-spec.ts';
import { deleteFromRuntime } from '../process/delete-container.ts';
import type { InputMode } from '../process/process-pipes.ts';
import { runtimeFailure } from '../process/runtime-failure.ts';
import type { Runtimes } from '../process/runtimes.ts';
import type { SupervisedProcess } from '../process/supervised-process.ts';
import { type Supervisor, freshDirectory } from '../process/supervisor.ts';
import { type BundleRoles, writeBundle } from './bundle.ts';
import { type NetworkRoles, connectNetwork } from './connect-network.ts';
import type { Workload } from './workload.ts';

export interface LaunchRoles {
  readonly network: NetworkRoles;
  readonly bundle: BundleRoles;
  readonly supervisor: Supervisor;
  readonly runtimes: Runtimes;
  readonly paths: Pick<ContainerPaths, 'bundle' | 'runtime' | 'etc' | 'container'>;
  /** Launches that go on at once. */
  readonly starts: Semaphore;
}

export interface Launched {
  readonly process: SupervisedProcess;
  /** Absent where the network is another container's. */
  readonly sandbox: SandboxRecord | undefined;
  readonly rootPath: string;
}

/**
 * The one way in which processes get a container of their own. Resolves when the program has been executed.
 *
 * @param undo takes back what was made for the workload, also after it has been launched; its process must have ended
 * then and been released. The root stays mounted
 * @throws {EngineError} `invalid` for what the spec asks for or the runtime refuses, `conflict` if a container to join
 * does not run
 */
export async function launch(
  roles: LaunchRoles,
  workload: Workload,
  undo: AsyncDisposableStack,
): Promise<Launched> {
  using _permit = await roles.starts.acquire(workload.signal);
  const { id } = workload;
  const { networks } = roles.network;
  const directory = freshDirectory(roles.paths.bundle(id));
  undo.defer(() => rmSync(directory, { recursive: true, force: true }));
  const etc = roles.paths.etc(id);
  mkdirSync(etc, { recursive: true, mode: 0o711 });
  // A step has nothing else there.
  const own = workload.outlivesDaemon ? etc : roles.paths.container(id);
  undo.defer(() => rmSync(own, { recursive: true, force: true }));
  const connecting = connectNetwork(roles.network, workload);
  undo.defer(async () => {
    const { sandbox } = await connecting.catch(() => ({ sandbox: undefined }));
    if (sandbox) networks.release(sandbox);
  });
  const rootPath = workload.mountRoot();
  const network = await connecting;
  const mounts = await workload.prepareMounts(rootPath, undo);
  await writeBundle(roles.bundle, workload, { directory, rootPath, network, ...mounts });
  const process = await startProcess(roles, workload, directory);
  return { process, sandbox: network.sandbox, rootPath };
}

async function startProcess(
  { supervisor, runtimes, paths, bundle }: LaunchRoles,
  { id, spec, outlivesDaemon }: Workload,
  directory: string,
): Promise<SupervisedProcess> {
  await deleteFromRuntime(runtimes, id);
  const runtime = runtimes.named(spec.runtime);
  const memory = outlivesDaemon
    ? bundle.cgroups.memoryWatchOf({ id, spec }, runtime, paths.runtime)
    : undefined;
  const terminal = runtime.terminalFor(spec.process);
  const outcome = await supervisor.start({
    id,
    directory,
    command: (files) => runtime.runCommand(id, files, memory !== undefined),
    input: inputModeOf(spec),
    recorded: outlivesDaemon,
    ...(terminal && { terminal }),
    ...(memory && { memory }),
  });
  if (outcome.started) return outcome.process;
  // A runtime that fails on its way into the cgroup leaves it.
  removeEmptyCgroup(bundle.cgroups.layout, bundle.cgroups.pathOf({ id, spec }));
  throw runtimeFailure(outcome.reason, { what: 'container', id });
}

/** The streams of a process, adopted ones included. A terminal is its own input. */
export function inputModeOf({ process }: Pick<ContainerSpec, 'process'>): InputMode {
  return process.stdin === 'closed' || process.terminal ? 'none' : process.stdin;
}
