import type { Readable } from 'node:stream';
import type { FileStat, FilesystemChange } from '#layer/layer.ts';
import { EngineError } from '#base/errors.ts';
import type { Filters } from '#base/filters.ts';
import type { ImageUse } from '#image/image.ts';
import { signalNumber } from '#base/signals.ts';
import type { LogRecord } from '#log/log.ts';
import type { VolumeUse } from '#volume/volume.ts';
import { attachContainer } from './streams/attach.ts';
import { archiveFromContainer, extractIntoContainer, statInContainer } from './files/container-archive.ts';
import { commitContainer } from './commit.ts';
import type {
  AttachRequest,
  Attachment,
  CommitContainerRequest,
  ContainerListEntry,
  ContainerStats,
  ContainerUpdate,
  ContainerView,
  Containers,
  CreateContainerRequest,
  CreatedContainer,
  ExecSpec,
  ExecStart,
  ExecView,
  ListRequest,
  LogsRequest,
  ProcessTable,
  PruneReport,
  TerminalSize,
  WaitCondition,
} from './container.ts';
import type { ContainerContext } from './context.ts';
import { createContainer } from './create/create.ts';
import { Execs } from './exec/execs.ts';
import type { ExitResult } from './run/exit-waiters.ts';
import { viewContainer } from './view/container-view.ts';
import { listContainers } from './view/list.ts';
import type { ManagedContainer } from './run/managed-container.ts';
import { volumesOf } from './mounts/mounts.ts';
import { pauseContainer, unpauseContainer } from './run/pause.ts';
import { pruneContainers } from './prune.ts';
import { forceRemove } from './remove-request.ts';
import { renameContainer } from './rename.ts';
import { restoreContainers } from './run/restore.ts';
import { killContainer, notRunning, stopContainer } from './run/signal.ts';
import { startContainer } from './run/start.ts';
import { stoppedState } from './run/state.ts';
import { sampleStats } from './view/stats.ts';
import { topContainer } from './view/top.ts';
import { type UnlistedRequest, type UnlistedRun, runUnlisted } from './run/unlisted-run.ts';
import { updateContainer } from './update.ts';

/** The containers of one engine, with what the engine needs to know of them besides. */
export interface ContainerService extends Containers {
  /** Takes over what former daemons left; call it once. */
  restore(): Promise<void>;
  /** Lets go of everything; containers run on, and lose no output. */
  close(): Promise<void>;
  readonly imageUse: ImageUse;
  readonly volumeUse: VolumeUse;
  /** For steps of builds; see `unlisted-run.ts`. */
  runUnlisted(request: UnlistedRequest): Promise<UnlistedRun>;
}

/** See {@link ContainerService}: finds containers and hands what is asked of them to the file that does it. */
export class EngineContainers implements ContainerService {
  readonly #context: ContainerContext;
  readonly #execs: Execs;

  constructor(context: ContainerContext) {
    this.#context = context;
    this.#execs = new Execs(context);
  }

  async create(request: CreateContainerRequest): Promise<CreatedContainer> {
    return await createContainer(this.#context, request);
  }

  async start(reference: string): Promise<void> {
    await startContainer(this.#context, this.#get(reference));
  }

  async stop(
    reference: string,
    options: { readonly signal?: string; readonly timeoutSeconds?: number } = {},
  ): Promise<void> {
    const container = this.#get(reference);
    if (!container.run) throw new EngineError('not-modified', 'container is already stopped');
    await stopContainer(this.#context, container, options);
  }

  async restart(
    reference: string,
    options: { readonly signal?: string; readonly timeoutSeconds?: number } = {},
  ): Promise<void> {
    const container = this.#get(reference);
    container.isRestarting = true;
    try {
      if (container.run) await stopContainer(this.#context, container, options);
      await startContainer(this.#context, container);
    } finally {
      container.isRestarting = false;
    }
    container.emit('restart');
  }

  async kill(reference: string, signal: string): Promise<void> {
    // As dockerd, which looks at the signal before it looks for the container.
    const number = signalNumber(signal || 'KILL');
    const container = this.#get(reference);
    if (!container.run) {
      throw new EngineError(
        'conflict',
        `cannot kill container: ${reference}: ${notRunning(container).message}`,
      );
    }
    await killContainer(this.#context, container, number);
  }

  async pause(reference: string): Promise<void> {
    await pauseContainer(this.#context, this.#get(reference));
  }

  async unpause(reference: string): Promise<void> {
    await unpauseContainer(this.#context, this.#get(reference));
  }

  async rename(reference: string, name: string): Promise<void> {
    await renameContainer(this.#context, this.#get(reference), name);
  }

  async remove(
    reference: string,
    options: { readonly force: boolean; readonly volumes: boolean; readonly link: boolean },
  ): Promise<void> {
    const container = this.#get(reference);
    await forceRemove(this.#context, container, { ...options, reference });
    this.#execs.forget(container);
  }

  async prune(filters: Filters): Promise<PruneReport> {
    return await pruneContainers(this.#context, filters);
  }

  async wait(
    reference: string,
    condition: WaitCondition,
    signal?: AbortSignal,
  ): Promise<{ readonly exit: Promise<ExitResult> }> {
    const container = this.#get(reference);
    const stopped = stoppedState(container.state);
    if (condition === 'not-running' && stopped) {
      const { exitCode, error } = stopped;
      return { exit: Promise.resolve({ exitCode, ...(error !== '' && { error }) }) };
    }
    return { exit: container.waiters.wait(condition, signal) };
  }

  async attach(reference: string, request: AttachRequest): Promise<Attachment> {
    return attachContainer(this.#get(reference), reference, request);
  }

  async resize(reference: string, size: TerminalSize): Promise<void> {
    const container = this.#get(reference);
    if (!container.process) throw notRunning(container);
    container.process.resize(size);
    container.emit('resize', { height: String(size.rows), width: String(size.columns) });
  }

  async logs(
    reference: string,
    request: LogsRequest,
  ): Promise<{ readonly tty: boolean; readonly records: AsyncIterable<LogRecord> }> {
    const container = this.#get(reference);
    const { stdout, stderr, ...query } = request;
    const streams = [...(stdout ? (['stdout'] as const) : []), ...(stderr ? (['stderr'] as const) : [])];
    return { tty: container.spec.process.terminal, records: container.log.read({ ...query, streams }) };
  }

  async inspect(reference: string, options: { readonly size: boolean }): Promise<ContainerView> {
    return await viewContainer(this.#context, this.#get(reference), options);
  }

  async list(request: ListRequest): Promise<readonly ContainerListEntry[]> {
    return await listContainers(this.#context, request);
  }

  async top(reference: string, psArguments: string): Promise<ProcessTable> {
    return await topContainer(this.#context, this.#get(reference), psArguments);
  }

  async changes(reference: string): Promise<readonly FilesystemChange[]> {
    return await this.#context.snapshots.changes(this.#get(reference).id);
  }

  async export(reference: string): Promise<Readable> {
    const container = this.#get(reference);
    const tar = await this.#context.snapshots.export(container.id);
    container.emit('export');
    return tar;
  }

  async commit(reference: string, request: CommitContainerRequest): Promise<string> {
    return await commitContainer(this.#context, this.#get(reference), request);
  }

  async stats(reference: string): Promise<ContainerStats> {
    return sampleStats(this.#context, this.#get(reference));
  }

  async update(
    reference: string,
    changes: ContainerUpdate,
  ): Promise<{ readonly warnings: readonly string[] }> {
    await updateContainer(this.#context, this.#get(reference), changes);
    return { warnings: [] };
  }

  async statPath(reference: string, path: string): Promise<FileStat> {
    return await statInContainer(this.#context, this.#get(reference), { reference, path });
  }

  async getArchive(
    reference: string,
    path: string,
  ): Promise<{ readonly stat: FileStat; readonly tar: Readable }> {
    return await archiveFromContainer(this.#context, this.#get(reference), { reference, path });
  }

  async putArchive(
    reference: string,
    path: string,
    tar: Readable,
    options: Parameters<Containers['putArchive']>[3],
  ): Promise<void> {
    await extractIntoContainer(this.#context, this.#get(reference), { reference, path, tar, ...options });
  }

  async createExec(reference: string, spec: ExecSpec): Promise<{ readonly id: string }> {
    return this.#execs.create(this.#get(reference), spec);
  }

  async startExec(id: string, options: ExecStart): Promise<Attachment | undefined> {
    return await this.#execs.start(id, options);
  }

  async resizeExec(id: string, size: TerminalSize): Promise<void> {
    this.#execs.resize(id, size);
  }

  inspectExec(id: string): ExecView {
    return this.#execs.inspect(id);
  }

  readonly imageUse: ImageUse = {
    containersOf: (imageId) =>
      this.#all
        .filter(({ definition }) => definition.imageId === imageId)
        .map(({ id, run }) => ({ id, running: run !== undefined })),
  };

  readonly volumeUse: VolumeUse = {
    containersOf: (name) =>
      this.#all.filter(({ definition }) => volumesOf(definition.mounts).includes(name)).map(({ id }) => id),
  };

  async runUnlisted(request: UnlistedRequest): Promise<UnlistedRun> {
    return await runUnlisted(this.#context, request);
  }

  async restore(): Promise<void> {
    await restoreContainers(this.#context);
  }

  async close(): Promise<void> {
    this.#execs.detach();
    await Promise.all(this.#all.map((container) => this.#letGo(container)));
    this.#context.held.dispose();
    await this.#context.pending.settled();
    this.#context.store.saveUnsaved();
    this.#context.supervisor[Symbol.dispose]();
    this.#context.program[Symbol.dispose]();
    this.#context.otherProgram?.[Symbol.dispose]();
  }

  /** After what is being done with it: a start that is under way comes to its end. */
  async #letGo(container: ManagedContainer): Promise<void> {
    using _lock = await this.#context.locks.acquire(container.id);
    const { process } = container;
    container.process = undefined;
    if (process) container.hub.detach();
    container.hub.endListeners();
    container.memoryWatch?.[Symbol.dispose]();
    process?.detach();
  }

  get #all(): readonly ManagedContainer[] {
    return [...this.#context.lookup.values()];
  }

  #get(reference: string): ManagedContainer {
    return this.#context.lookup.get(reference);
  }
}
