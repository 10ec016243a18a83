import { receiveError } from '#base/error-transfer.ts';
import { messageOf } from '#base/errors.ts';
import type { Logger } from '#base/log.ts';
import { isErrno } from '#linux/errno.ts';
import type { ContainerLog, LogDriver } from '#log/log.ts';
import type { EmitEvent } from '#base/event.ts';
import type { SandboxRecord } from '#network/network.ts';
import type { ContainerPaths } from '../container-paths.ts';
import { containerError } from '../container-errors.ts';
import type { ContainerSpec } from '../container-spec.ts';
import type { ContainerDefinition, ContainerProgress, StartPromise } from '../container-record.ts';
import type { ContainerStore } from '../container-store.ts';
import { ExitWaiters } from './exit-waiters.ts';
import { Semaphore } from '#base/semaphore.ts';
import { logAttributes } from '../view/log-attributes.ts';
import { AttachableStreams } from '../streams/attachable-streams.ts';
import { type ContainerEvent, type ContainerState, isRunning, stoppedState, transition } from './state.ts';
import { type Run, recordOf } from './run.ts';

export interface ContainerParts {
  readonly definition: ContainerDefinition;
  readonly state: ContainerState<Run>;
  readonly store: ContainerStore;
  readonly emit: EmitEvent;
  readonly logger: Logger;
  readonly openLog: (definition: ContainerDefinition) => ContainerLog;
}

/** One container in memory: its definition, its state, and with that, while it runs, its run. */
export class Container {
  readonly waiters = new ExitWaiters();
  /** How many uses its root has besides its run; see `root-use.ts`. */
  rootUses = 0;
  readonly #parts: ContainerParts;
  readonly #lock = new Semaphore(1);
  #definition: ContainerDefinition;
  #state: ContainerState<Run>;
  /** Made when a client attaches before the start, or by the start. */
  #nextStreams: AttachableStreams | undefined;
  #log: ContainerLog | undefined;

  constructor(parts: ContainerParts) {
    this.#parts = parts;
    this.#definition = parts.definition;
    this.#state = parts.state;
  }

  /** Held while it starts, ends its run, restarts, is paused or removed. */
  async lock(): Promise<Disposable> {
    return await this.#lock.acquire();
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

  get state(): ContainerState<Run> {
    return this.#state;
  }

  /** The present run. */
  get run(): Run | undefined {
    return isRunning(this.#state) ? this.#state.run : undefined;
  }

  /** Whether it runs, or is about to run again: clients see it among those that run. */
  get isUp(): boolean {
    return this.run !== undefined || this.#state.status === 'restarting';
  }

  get streams(): AttachableStreams {
    return this.run?.active.streams ?? (this.#nextStreams ??= new AttachableStreams(this.#parts.logger));
  }

  /** There is no next run, or its start has failed: clients that attached before it are told. */
  endNextStreams(): void {
    void this.#nextStreams?.end();
    this.#nextStreams = undefined;
  }

  /** The exit code of the last run, or of the start that failed. */
  get exitCode(): number {
    return stoppedState(this.state)?.exitCode ?? 0;
  }

  /** Opened at first use; the same for its writer and its readers. */
  get log(): ContainerLog {
    return (this.#log ??= this.#parts.openLog(this.#definition));
  }

  /** Changes the state, in memory and in the store. */
  apply(event: ContainerEvent<Run>): void {
    const state = transition(this.#state, event);
    this.#parts.store.saveProgress(this.id, storedProgress(state));
    this.#become(state);
  }

  /** Changes the state for what has happened already: a failure to store it does not undo it. */
  settle(event: ContainerEvent<Run>): void {
    try {
      this.apply(event);
    } catch (error) {
      if (!isErrno(error, 'ERR_SQLITE_ERROR')) throw error;
      this.#parts.logger.error('a container’s state was not stored', {
        id: this.id,
        error: messageOf(error),
      });
      this.#become(transition(this.#state, event));
      this.#parts.store.saveLater(this.id, storedProgress(this.#state));
    }
  }

  #become(state: ContainerState<Run>): void {
    this.#state = state;
    if (this.run) this.#nextStreams = undefined;
  }

  /** Records that a start was asked for; that is gone with the next change of state. */
  markStarting(starting: StartPromise): void {
    this.#parts.store.saveProgress(this.id, { ...storedProgress(this.#state), starting });
  }

  /** @throws {EngineError} `container-record-damaged`: the record stays as it is, for who can read more of it */
  redefine(changes: Partial<Pick<ContainerDefinition, 'name' | 'spec'>>): void {
    const problem = this.#state.status === 'dead' ? this.#state.problem : undefined;
    if (problem?.reason === 'container-record-damaged') throw receiveError(problem);
    const definition = { ...this.#definition, ...changes };
    this.#parts.store.saveDefinition(definition);
    this.#definition = definition;
  }

  /** Its sandbox was changed: records what the next daemon adopts. */
  changeSandbox(sandbox: SandboxRecord): void {
    if (!isRunning(this.#state)) return;
    const { status, run } = this.#state;
    const state: ContainerState<Run> = { status, run: { ...run, sandbox } };
    this.#parts.store.saveProgress(this.id, storedProgress(state));
    this.#state = state;
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

function storedProgress(state: ContainerState<Run>): ContainerProgress {
  if (!isRunning(state)) return { state };
  const { sandbox } = state.run;
  return { state: { status: state.status, run: recordOf(state.run) }, ...(sandbox && { sandbox }) };
}

/** A container in memory for a record in the store. */
export function makeContainer(
  context: ContainerRoles,
  definition: ContainerDefinition,
  state: ContainerState<Run>,
): Container {
  const { store, emit, logger } = context;
  return new Container({
    definition,
    state,
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

interface ContainerRoles {
  readonly store: ContainerStore;
  readonly emit: EmitEvent;
  readonly logger: Logger;
  readonly logs: ReadonlyMap<string, LogDriver>;
  readonly paths: ContainerPaths;
}
