import type { TransferredError } from '#base/error-transfer.ts';
import { unreachable } from '#base/unreachable.ts';
import { containerError } from '../container-errors.ts';

/** A process and when it started, so that another process with the same number is not mistaken for it. */
export interface ProcessIdentity {
  readonly pid: number;
  /** See `processStartTime`. */
  readonly startTime: string;
}

/** One run of a container, from its start to its exit: what the next daemon must know of it. */
export interface RunRecord {
  /** The container's first process. */
  readonly process: ProcessIdentity;
  readonly monitor: ProcessIdentity;
  /** Only with a TTY: the process that keeps the terminal open while no daemon runs. */
  readonly holder?: ProcessIdentity;
  /** RFC 3339. */
  readonly startedAt: string;
  /** When the run before ended; `NEVER` for the first. */
  readonly previouslyFinishedAt: string;
  readonly outOfMemory: boolean;
  /** Processes do not survive a boot. */
  readonly bootId: string;
}

export interface CreatedState {
  readonly status: 'created';
  /** Not zero after a start that failed. */
  readonly exitCode: number;
  /** Why the last start failed. */
  readonly failure?: TransferredError;
}

export interface ExitedState {
  readonly status: 'exited';
  readonly exitCode: number;
  /** Why the last start failed. */
  readonly failure?: TransferredError;
  readonly outOfMemory: boolean;
  readonly startedAt: string;
  readonly finishedAt: string;
}

export type StoppedState = CreatedState | ExitedState;

export type RunningState<Run> =
  | { readonly status: 'running'; readonly run: Run }
  | { readonly status: 'paused'; readonly run: Run };

/** What belongs to a run is in the states that have one: as a record on disk, as a live run in memory (`run.ts`). */
export type ContainerState<Run extends RunRecord = RunRecord> =
  | StoppedState
  | RunningState<Run>
  /** Stopped in order to be started again: a crash in between does not end it, nor does `--rm` remove it. */
  | { readonly status: 'restarting'; readonly before: ExitedState }
  | { readonly status: 'removing'; readonly before: StoppedState }
  /** Removal failed half-way; only removal is left to do. */
  | { readonly status: 'dead'; readonly before: StoppedState; readonly problem?: TransferredError };

export type ContainerEvent<Run extends RunRecord = RunRecord> =
  | { readonly type: 'started'; readonly run: Run }
  | { readonly type: 'start-failed'; readonly exitCode: number; readonly failure: TransferredError }
  /** What it needs on disk is lost. Not stored: the next daemon may find it again. */
  | { readonly type: 'lost'; readonly problem: TransferredError }
  | { readonly type: 'paused' }
  | { readonly type: 'unpaused' }
  | { readonly type: 'out-of-memory' }
  | {
      readonly type: 'exited';
      readonly exitCode: number;
      readonly finishedAt: string;
      /** Whether it was stopped in order to be started again. */
      readonly restarts: boolean;
    }
  | { readonly type: 'removal-started' }
  | { readonly type: 'removal-failed' };

export const initialState: CreatedState = { status: 'created', exitCode: 0 };

export function isRunning<Run extends RunRecord>(state: ContainerState<Run>): state is RunningState<Run> {
  return state.status === 'running' || state.status === 'paused';
}

/** What a container that does not run was before its removal or its restart began. */
export function stoppedState<Run extends RunRecord>(state: ContainerState<Run>): StoppedState | undefined {
  switch (state.status) {
    case 'created':
    case 'exited':
      return state;
    case 'restarting':
    case 'removing':
    case 'dead':
      return state.before;
    case 'running':
    case 'paused':
      return undefined;
  }
  return unreachable(state);
}

/**
 * The one place where a container changes state.
 *
 * @throws {EngineError} `conflict` if `event` is not legal in `state`
 */
export function transition<Run extends RunRecord>(
  state: ContainerState<Run>,
  event: ContainerEvent<Run>,
): ContainerState<Run> {
  const next = successor(state, event);
  if (next) return next;
  throw containerError('illegal-transition', { details: { status: state.status, event: event.type } });
}

/** Undefined where the event is not legal. */
function successor<Run extends RunRecord>(
  state: ContainerState<Run>,
  event: ContainerEvent<Run>,
): ContainerState<Run> | undefined {
  switch (state.status) {
    case 'created':
    case 'exited':
      return fromStopped(state, event);
    case 'restarting':
      return fromStopped(state.before, event);
    case 'running':
    case 'paused':
      return fromRunning(state, event);
    case 'removing':
      return event.type === 'removal-failed' ? { status: 'dead', before: state.before } : undefined;
    case 'dead':
      return event.type === 'removal-started' ? { status: 'removing', before: state.before } : undefined;
  }
  return unreachable(state);
}

function fromStopped<Run extends RunRecord>(
  state: StoppedState,
  event: ContainerEvent<Run>,
): ContainerState<Run> | undefined {
  switch (event.type) {
    case 'started':
      return { status: 'running', run: event.run };
    case 'start-failed':
      return { ...state, exitCode: event.exitCode, failure: event.failure };
    case 'removal-started':
      return { status: 'removing', before: state };
    case 'lost':
      return { status: 'dead', before: state, problem: event.problem };
    case 'paused':
    case 'unpaused':
    case 'out-of-memory':
    case 'exited':
    case 'removal-failed':
      return undefined;
  }
  return unreachable(event);
}

function fromRunning<Run extends RunRecord>(
  { status, run }: RunningState<Run>,
  event: ContainerEvent<Run>,
): ContainerState<Run> | undefined {
  switch (event.type) {
    case 'exited': {
      const before = exitedState(run, event);
      return event.restarts ? { status: 'restarting', before } : before;
    }
    case 'out-of-memory':
      return { status, run: { ...run, outOfMemory: true } };
    case 'paused':
      return status === 'running' ? { status: 'paused', run } : undefined;
    case 'unpaused':
      return status === 'paused' ? { status: 'running', run } : undefined;
    case 'started':
    case 'start-failed':
    case 'lost':
    case 'removal-started':
    case 'removal-failed':
      return undefined;
  }
  return unreachable(event);
}

function exitedState(run: RunRecord, event: ContainerEvent & { type: 'exited' }): ExitedState {
  return {
    status: 'exited',
    exitCode: event.exitCode,
    outOfMemory: run.outOfMemory,
    startedAt: run.startedAt,
    finishedAt: event.finishedAt,
  };
}
