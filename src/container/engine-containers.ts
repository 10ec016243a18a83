import type { Readable } from 'node:stream';
import type { FileStat, FilesystemChange, SnapshotStore } from '#layer/layer.ts';
import { hasReason } from '#base/errors.ts';
import { containerError } from './container-errors.ts';
import type { Filters } from '#base/filters.ts';
import type { ImageUse } from '#image/image.ts';
import { signalNumber } from '#base/signals.ts';
import type { LogRecord } from '#log/log.ts';
import type { NetworkAttachment } from '#network/attachment.ts';
import type { VolumeUse } from '#volume/volume.ts';
import { attachContainer } from './streams/attach.ts';
import { type CommitRoles, commitContainer } from './commit.ts';
import type {
  AttachRequest,
  Attachment,
  CommitContainerRequest,
  ContainerUpdate,
  Containers,
  CreateContainerRequest,
  CreatedContainer,
  ExecSpec,
  ExecStart,
  ExitOutcome,
  ListRequest,
  LogsRequest,
  PruneReport,
  WaitCondition,
  ExecView,
} from './container.ts';
import type { TerminalSize } from './container-spec.ts';
import type { ContainerListEntry, ContainerStats, ContainerView, ProcessTable } from './views.ts';
import { type CreateRoles, createContainer } from './create/create.ts';
import { Execs } from './exec/execs.ts';
import {
  type ArchiveRoles,
  archiveFromContainer,
  extractIntoContainer,
  statInContainer,
} from './files/container-archive.ts';
import { containerLane } from './files/lanes.ts';
import type { Lookup } from './lookup.ts';
import { volumesOf } from './mounts/mounts.ts';
import { type NetworkingRoles, connectContainer, disconnectContainer } from './networking.ts';
import { type PruneRoles, pruneContainers } from './prune.ts';
import { removeLink } from './remove-link.ts';
import { type RenameRoles, renameContainer } from './rename.ts';
import { removeContainer } from './remove-container.ts';
import type { Container } from './run/container.ts';
import { pauseContainer, unpauseContainer } from './run/pause.ts';
import { restartContainer } from './run/restart.ts';
import { type RestoreRoles, restoreContainers } from './run/restore.ts';
import { type SignalRoles, type StopOptions, killContainer, stopContainer } from './run/signal.ts';
import { type StartRoles, startContainer } from './run/start.ts';
import { stoppedState } from './run/state.ts';
import { type StepRequest, type StepRoles, type StepRun, runStep } from './run/step-run.ts';
import { type UpdateRoles, updateContainer } from './update.ts';
import { type ContainerViewSources, viewContainer } from './view/container-view.ts';
import { listContainers } from './view/list.ts';
import { sampleStats } from './view/stats.ts';
import { topContainer } from './view/top.ts';

/** The containers of one engine, with what the engine needs to know of them besides. */
export interface OwnedContainers extends Containers {
  /** Adopts what former daemons left; call it once. */
  restore(): Promise<void>;
  /** Leaves everything to the next daemon: containers run on, and lose no output. */
  close(): Promise<void>;
  readonly imageUse: ImageUse;
  readonly volumeUse: VolumeUse;
  /** For steps of builds; see `step-run.ts`. */
  runStep(request: StepRequest): Promise<StepRun>;
}

/** What the verbs work with. */
export interface VerbRoles {
  readonly create: CreateRoles;
  readonly start: StartRoles;
  readonly signal: SignalRoles;
  readonly rename: RenameRoles;
  readonly networking: NetworkingRoles;
  readonly update: UpdateRoles;
  readonly commit: CommitRoles;
  readonly step: StepRoles;
}

/** What queries work with. */
export interface QueryRoles {
  readonly views: ContainerViewSources;
  readonly archives: ArchiveRoles;
  readonly snapshots: Pick<SnapshotStore, 'changes' | 'export'>;
}

export interface EngineContainersParts {
  readonly lookup: Lookup<Container>;
  readonly execs: Execs;
  readonly verbs: VerbRoles;
  readonly queries: QueryRoles;
  readonly prune: PruneRoles;
  readonly restore: RestoreRoles;
  /** Ends what the daemon holds, once nothing works with it any more. */
  readonly release: () => void;
}

/** See {@link OwnedContainers}: finds containers and hands what is asked of them to the file that does it. */
export class EngineContainers implements OwnedContainers {
  readonly #parts: EngineContainersParts;
  readonly #verbs: VerbRoles;
  readonly #queries: QueryRoles;

  constructor(parts: EngineContainersParts) {
    this.#parts = parts;
    this.#verbs = parts.verbs;
    this.#queries = parts.queries;
  }

  async create(request: CreateContainerRequest): Promise<CreatedContainer> {
    return await createContainer(this.#verbs.create, request);
  }

  async start(reference: string): Promise<void> {
    await startContainer(this.#verbs.start, this.#get(reference));
  }

  async stop(reference: string, options: StopOptions = {}): Promise<void> {
    await stopContainer(this.#verbs.signal, this.#get(reference), options);
  }

  async restart(reference: string, options: StopOptions = {}): Promise<void> {
    const { start, signal } = this.#verbs;
    await restartContainer({ start, signal, exit: start.exit }, this.#get(reference), options);
  }

  async kill(reference: string, signal: string): Promise<void> {
    // dockerd looks at the signal before it looks for the container, too.
    const number = signalNumber(signal || 'KILL');
    const container = this.#get(reference);
    try {
      await killContainer(this.#verbs.signal, container, number);
    } catch (cause) {
      if (!hasReason(cause, 'container-not-running')) throw cause;
      throw containerError('kill-of-stopped', { subject: reference, details: { id: container.id }, cause });
    }
  }

  async pause(reference: string): Promise<void> {
    await pauseContainer(this.#verbs.signal.cgroups, this.#get(reference));
  }

  async unpause(reference: string): Promise<void> {
    await unpauseContainer(this.#verbs.signal.cgroups, this.#get(reference));
  }

  async rename(reference: string, name: string): Promise<void> {
    await renameContainer(this.#verbs.rename, this.#get(reference), name);
  }

  async connect(reference: string, attachment: NetworkAttachment): Promise<void> {
    await connectContainer(this.#verbs.networking, this.#get(reference), attachment);
  }

  async disconnect(
    reference: string,
    network: string,
    { force }: { readonly force: boolean },
  ): Promise<void> {
    const request = { reference: network, force };
    await disconnectContainer(this.#verbs.networking, this.#get(reference), request);
  }

  async remove(
    reference: string,
    options: { readonly force: boolean; readonly volumes: boolean; readonly link: boolean },
  ): Promise<void> {
    if (options.link) return await removeLink(this.#parts.lookup, reference);
    const container = this.#get(reference);
    const { signal, start } = this.#verbs;
    await removeContainer({ signal, exit: start.exit }, container, { ...options, reference });
  }

  async prune(filters: Filters): Promise<PruneReport> {
    return await pruneContainers(this.#parts.prune, filters);
  }

  async wait(
    reference: string,
    condition: WaitCondition,
    signal?: AbortSignal,
  ): Promise<{ readonly exit: Promise<ExitOutcome> }> {
    const container = this.#get(reference);
    const stopped = stoppedState(container.state);
    if (condition === 'not-running' && stopped) {
      const { exitCode, failure } = stopped;
      return { exit: Promise.resolve({ exitCode, ...(failure && { failure }) }) };
    }
    return { exit: container.waiters.wait(condition, signal) };
  }

  async attach(reference: string, request: AttachRequest): Promise<Attachment> {
    return attachContainer(this.#get(reference), reference, request);
  }

  async resize(reference: string, size: TerminalSize): Promise<void> {
    const container = this.#get(reference);
    if (!container.run) throw containerError('container-not-running', { subject: container.id });
    container.run.active.process.resize(size);
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
    return await viewContainer(this.#queries.views, this.#get(reference), options);
  }

  async list(request: ListRequest): Promise<readonly ContainerListEntry[]> {
    return await listContainers({ ...this.#queries.views, lookup: this.#parts.lookup }, request);
  }

  async top(reference: string, psArguments: string): Promise<ProcessTable> {
    return await topContainer(this.#verbs.signal.cgroups, this.#get(reference), psArguments);
  }

  async changes(reference: string): Promise<readonly FilesystemChange[]> {
    return await this.#queries.snapshots.changes(this.#get(reference).id);
  }

  async export(reference: string): Promise<Readable> {
    const container = this.#get(reference);
    const tar = await this.#queries.snapshots.export(container.id, containerLane(container.id));
    container.emit('export');
    return tar;
  }

  async commit(reference: string, request: CommitContainerRequest): Promise<string> {
    return await commitContainer(this.#verbs.commit, this.#get(reference), request);
  }

  async stats(reference: string): Promise<ContainerStats> {
    return sampleStats(this.#verbs.signal.cgroups, this.#get(reference));
  }

  async update(
    reference: string,
    changes: ContainerUpdate,
  ): Promise<{ readonly warnings: readonly string[] }> {
    return { warnings: await updateContainer(this.#verbs.update, this.#get(reference), changes) };
  }

  async statPath(reference: string, path: string): Promise<FileStat> {
    return await statInContainer(this.#queries.archives, this.#get(reference), { reference, path });
  }

  async getArchive(
    reference: string,
    path: string,
  ): Promise<{ readonly stat: FileStat; readonly tar: Readable }> {
    return await archiveFromContainer(this.#queries.archives, this.#get(reference), { reference, path });
  }

  async putArchive(
    reference: string,
    path: string,
    tar: Readable,
    options: Parameters<Containers['putArchive']>[3],
  ): Promise<void> {
    await extractIntoContainer(this.#queries.archives, this.#get(reference), {
      reference,
      path,
      tar,
      ...options,
    });
  }

  async createExec(reference: string, spec: ExecSpec): Promise<{ readonly id: string }> {
    return this.#parts.execs.create(this.#get(reference), reference, spec);
  }

  async startExec(id: string, options: ExecStart): Promise<Attachment | undefined> {
    return await this.#parts.execs.start(id, options);
  }

  async resizeExec(id: string, size: TerminalSize): Promise<void> {
    this.#parts.execs.resize(id, size);
  }

  inspectExec(id: string): ExecView {
    return this.#parts.execs.inspect(id);
  }

  readonly imageUse: ImageUse = {
    containersOf: (imageId) =>
      this.#all
        .filter(({ definition }) => definition.imageId === imageId)
        .map(({ id, isUp }) => ({ id, running: isUp })),
  };

  readonly volumeUse: VolumeUse = {
    containersOf: (name) =>
      this.#all.filter(({ definition }) => volumesOf(definition.mounts).includes(name)).map(({ id }) => id),
  };

  async runStep(request: StepRequest): Promise<StepRun> {
    return await runStep(this.#verbs.step, request);
  }

  async restore(): Promise<void> {
    await restoreContainers(this.#parts.restore);
  }

  async close(): Promise<void> {
    const { execs, restore, verbs, release } = this.#parts;
    execs.detach();
    await Promise.all(this.#all.map((container) => detachContainer(container)));
    restore.orphans.held.dispose();
    await verbs.start.exit.background.settled();
    restore.store.saveUnsaved();
    release();
  }

  get #all(): readonly Container[] {
    return [...this.#parts.lookup.values()];
  }

  #get(reference: string): Container {
    return this.#parts.lookup.get(reference);
  }
}

/** Waits for what is being done with the container: a start that is under way comes to its end. */
async function detachContainer(container: Container): Promise<void> {
  using _lock = await container.lock();
  container.run?.active.detach();
  container.endNextStreams();
}
