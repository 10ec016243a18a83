/**
 * Processes in running containers, such as the execs of clients. What is known of them here ends with them; `execs.ts`
 * keeps the records that clients ask for.
 */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { FileService } from '#linux/file-service.ts';
import type { SnapshotStore } from '#layer/layer.ts';
import type { ExecSpec } from '../container.ts';
import type { ContainerPaths } from '../container-paths.ts';
import { containerLane } from '../files/lanes.ts';
import { findUser, requireRunnable, type RootPlace } from '../files/root-files.ts';
import { type LinkableContainers, withLinkVariables } from '../links.ts';
import type { InputMode } from '../process/process-pipes.ts';
import { runtimeFailure } from '../process/runtime-failure.ts';
import type { Runtimes } from '../process/runtimes.ts';
import type { SupervisedProcess } from '../process/supervised-process.ts';
import { type Supervisor, freshDirectory } from '../process/supervisor.ts';
import type { ProgramPlace } from '../program/check-program.ts';
import type { Container } from '../run/container.ts';
import { stringifyProcess } from '../spec/spec-json.ts';
import { buildExecProcess, capabilitiesOf } from '../spec/spec.ts';
import { type UlimitDefaults, withAllUlimits } from '../spec/ulimits.ts';

export interface ProcessRoles {
  readonly lookup: LinkableContainers;
  readonly supervisor: Supervisor;
  readonly runtimes: Runtimes;
  readonly files: FileService;
  readonly snapshots: Pick<SnapshotStore, 'get'>;
  readonly paths: Pick<ContainerPaths, 'exec'>;
  readonly defaults: UlimitDefaults;
}

/** What is to run in a container. */
export interface ProcessRequest {
  /** 64 hexadecimal digits that no other container or process has. */
  readonly id: string;
  readonly spec: Pick<
    ExecSpec,
    'command' | 'environment' | 'user' | 'workingDirectory' | 'privileged' | 'terminal' | 'terminalSize'
  >;
  /** `none` with a terminal, which is its own input. */
  readonly input: InputMode;
}

/** Runs further processes in the namespaces of running containers. */
export class ContainerProcesses {
  readonly #roles: ProcessRoles;
  /** Containers that have had privileged processes. */
  readonly #administered = new WeakSet<Container>();

  constructor(roles: ProcessRoles) {
    this.#roles = roles;
  }

  /**
   * Resolves when the process has been executed: the caller reads its streams, and releases it when it has ended. It
   * ends with its container.
   *
   * @throws {EngineError} `invalid` if it cannot be executed; nothing is left of it then
   */
  async start(container: Container, request: ProcessRequest): Promise<SupervisedProcess> {
    const directory = freshDirectory(this.#roles.paths.exec(request.id));
    try {
      return await this.#supervise(container, request, directory);
    } catch (error) {
      rmSync(directory, { recursive: true, force: true });
      throw error;
    }
  }

  async #supervise(
    container: Container,
    { id, spec, input }: ProcessRequest,
    directory: string,
  ): Promise<SupervisedProcess> {
    const { supervisor, runtimes, defaults, lookup } = this.#roles;
    const root = this.#rootOf(container);
    const { user = '', groups } = container.spec.process;
    const process = buildExecProcess({
      exec: spec,
      spec: withAllUlimits(defaults, withLinkVariables(lookup, container)),
      user: await findUser(root, { user: spec.user ?? user, groupAdd: groups }),
    });
    await requireRunnable(root, { process, ...mountsOf(container) });
    if (spec.privileged) this.#administered.add(container);
    const processFile = join(directory, 'process.json');
    writeFileSync(processFile, stringifyProcess(process));
    const runtime = runtimes.runtimeOf(container.id);
    const terminal = runtime.terminalFor(spec);
    const outcome = await supervisor.start({
      id,
      directory,
      command: (files) => runtime.execCommand(container.id, processFile, files),
      input,
      recorded: false,
      ...(terminal && { terminal }),
    });
    if (outcome.started) return outcome.process;
    throw runtimeFailure(outcome.reason, { what: 'exec', id });
  }

  #rootOf(container: Container): RootPlace {
    const { id, spec } = container;
    const { files, snapshots } = this.#roles;
    // A container runs on although its snapshot has been lost.
    const rootPath = snapshots.get(id)?.mountPath ?? `/proc/${container.run?.process.pid ?? 0}/root`;
    const isWatched =
      this.#administered.has(container) || capabilitiesOf(spec.security).includes('CAP_SYS_ADMIN');
    return { files, rootPath, lane: containerLane(id), isWatched };
  }
}

/** What is mounted in a container at this moment, by its own processes too. */
function mountsOf({ run, definition }: Container): Pick<ProgramPlace, 'mounts' | 'pid'> {
  return { mounts: definition.mounts.mounts, ...(run && { pid: run.process.pid }) };
}
