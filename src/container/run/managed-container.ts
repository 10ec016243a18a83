import { messageOf } from '#base/errors.ts';
import type { Logger } from '#base/log.ts';
import { isErrno } from '#linux/errno.ts';
import type { ContainerLog, LogDriver } from '#log/log.ts';
import type { SandboxRecord } from '#network/network.ts';
import type { EmitEvent } from '#base/event.ts';
import type { ContainerPaths } from '../container-paths.ts';
import { containerError } from '../container-errors.ts';
import type { ContainerSpec } from '../container-spec.ts';
import type { ContainerDefinition, ContainerProgress, StartPromise } from '../container-record.ts';
import type { ContainerStore } from '../container-store.ts';
import { ExitWaiters } from './exit-waiters.ts';
import { InputGate } from '../streams/input-gate.ts';
import { logAttributes } from '../view/log-attributes.ts';
import { OutputHub } from '../streams/output-hub.ts';
import {
  type ContainerEvent,
  type ContainerState,
  type Run,
  isRunning,
  stoppedState,
  transition,
} from './state.ts';
import type { SupervisedProcess } from '../process/supervised-process.ts';

export interface ManagedContainerParts {
  readonly definition: ContainerDefinition;
  readonly progress: ContainerProgress;
  readonly store: ContainerStore;
  readonly emit: EmitEvent;
  readonly logger: Logger;
  readonly openLog: (definition: ContainerDefinition) => ContainerLog;
}

/** One container in memory: its record, and while it runs its process and streams. */
export class ManagedContainer {
  readonly hub: OutputHub;
  readonly waiters = new ExitWaiters();
  /** Execs that have not been forgotten. */
  readonly execIds = new Set<string>();
  /** The way into the present run, or the next one. */
  input = new InputGate();
  process: SupervisedProcess | undefined;
  /** `--rm` does not count while the container is being restarted. */
  isRestarting = false;
  /** Learns of its running out of memory. */
  memoryWatch: Disposable | undefined;
  /** How many look into its root while it does not run. */
  rootUses = 0;
  readonly #parts: ManagedContainerParts;
  #definition: ContainerDefinition;
  #progress: ContainerProgress;
  #log: ContainerLog | undefined;

  constructor(parts: ManagedContainerParts) {
    this.#parts = parts;
    this.#definition = parts.definition;
    this.#progress = parts.progress;
    this.hub = new OutputHub(parts.logger);
  }

  get id(): string {
    return this.#definition.id;
  }

  get name(): string {
    return this.#definition.name;
  }

  get definition(): ContainerDefinition {
    return this.#definition;
  }

  get spec(): ContainerSpec {
    return this.#definition.spec;
  }

  get state(): ContainerState {
    return this.#progress.state;
  }

  get sandbox(): SandboxRecord | undefined {
    return this.#progress.sandbox;
  }

  get starting(): StartPromise | undefined {
    return this.#progress.starting;
  }

  /** The present run. */
  get run(): Run | undefined {
    return isRunning(this.state) ? this.state.run : undefined;
  }

  /** Of the last run, or of the start that failed. */
  get exitCode(): number {
    return stoppedState(this.state)?.exitCode ?? 0;
  }

  /** Opened at first use; the same for its writer and its readers. */
  get log(): ContainerLog {
    return (this.#log ??= this.#parts.openLog(this.#definition));
  }

  /** Changes the state, and with it what belongs to it, in memory and in the store. */
  apply(event: ContainerEvent, changes: { readonly sandbox?: SandboxRecord } = {}): void {
    const state = transition(this.state, event);
    const sandbox = changes.sandbox ?? this.sandbox;
    this.#saveProgress({ state, ...(isRunning(state) && sandbox && { sandbox }) });
  }

  /** Takes note of what has happened already: that it cannot be stored does not undo it. */
  settle(event: ContainerEvent): void {
    try {
      this.apply(event);
    } catch (error) {
      if (!isErrno(error, 'ERR_SQLITE_ERROR')) throw error;
      this.#parts.logger.error('a container’s state was not stored', {
        id: this.id,
        error: messageOf(error),
      });
      this.#progress = { state: transition(this.state, event) };
      this.#parts.store.saveLater(this.id, this.#progress);
    }
  }

  /** Remembers that a start was asked for, or forgets it. */
  markStarting(starting: StartPromise | undefined): void {
    const { starting: _, ...progress } = this.#progress;
    this.#saveProgress({ ...progress, ...(starting && { starting }) });
  }

  redefine(changes: Partial<Pick<ContainerDefinition, 'name' | 'spec'>>): void {
    const definition = { ...this.#definition, ...changes };
    this.#parts.store.saveDefinition(definition);
    this.#definition = definition;
  }

  /** What the next daemon's networks will be told. */
  renameSandbox(name: string): void {
    const { sandbox } = this;
    if (!sandbox) return;
    const renamed = { ...sandbox, request: { ...sandbox.request, name } };
    this.#saveProgress({ ...this.#progress, sandbox: renamed });
  }

  #saveProgress(progress: ContainerProgress): void {
    this.#parts.store.saveProgress(this.id, progress);
    this.#progress = progress;
  }

  /** Reports an event of this container, with Docker's attributes. */
  emit(action: string, attributes: Readonly<Record<string, string>> = {}): void {
    const { spec, name, id } = this.#definition;
    this.#parts.emit({
      type: 'container',
      action,
      id,
      attributes: { ...spec.labels, ...attributes, image: spec.image, name },
    });
  }
}

/** A container in memory for a record in the store. */
export function createManaged(
  context: ManagedContext,
  definition: ContainerDefinition,
  progress: ContainerProgress,
): ManagedContainer {
  const { store, emit, logger } = context;
  return new ManagedContainer({
    definition,
    progress,
    store,
    emit,
    logger,
    openLog: (own) => {
      const { id, spec } = own;
      const { driver: name = '', options } = spec.log;
      const driver = context.logs.get(name);
      if (!driver) throw containerError('log-driver-gone', { subject: name });
      return driver.open({
        containerId: id,
        directory: context.paths.log(id),
        options,
        attributes: logAttributes(own),
      });
    },
  });
}

interface ManagedContext {
  readonly store: ContainerStore;
  readonly emit: EmitEvent;
  readonly logger: Logger;
  readonly logs: ReadonlyMap<string, LogDriver>;
  readonly paths: ContainerPaths;
}
