import { EngineError } from '#base/errors.ts';

/** A process and when it started, so that another process with the same number is not mistaken for it. */
export interface ProcessIdentity {
  readonly pid: number;
  /** See `processStartTime`. */
  readonly startTime: string;
}

/** One run of a container, from its start to its exit. */
export interface Run {
  /** The container's first process. */
  readonly process: ProcessIdentity;
  readonly monitor: ProcessIdentity;
  /** With a TTY: who keeps the terminal open while no daemon runs. */
  readonly holder?: ProcessIdentity;
  /** RFC 3339. */
  readonly startedAt: string;
  /** When the run before ended; `NEVER` for the first. */
  readonly previouslyFinishedAt: string;
  readonly outOfMemory: boolean;
  /** Processes do not survive a boot. */
  readonly bootId: string;
}

export type StoppedState =
  | {
      readonly status: 'created';
      /** Not zero after a start that failed. */
      readonly exitCode: number;
      readonly error: string;
    }
  | {
      readonly status: 'exited';
      readonly exitCode: number;
      /** Of a start that failed; empty otherwise. */
      readonly error: string;
      readonly outOfMemory: boolean;
      readonly startedAt: string;
      readonly finishedAt: string;
    };

export type RunningState =
  | { readonly status: 'running'; readonly run: Run }
  | { readonly status: 'paused'; readonly run: Run };

export type ContainerState =
  | StoppedState
  | RunningState
  | { readonly status: 'removing'; readonly before: StoppedState }
  /** Removal failed half-way; only removal is left to do. */
  | { readonly status: 'dead'; readonly before: StoppedState };

export type ContainerEvent =
  | { readonly type: 'started'; readonly run: Run }
  | { readonly type: 'start-failed'; readonly exitCode: number; readonly error: string }
  | { readonly type: 'paused' }
  | { readonly type: 'unpaused' }
  | { readonly type: 'out-of-memory' }
  | { readonly type: 'exited'; readonly exitCode: number; readonly finishedAt: string }
  | { readonly type: 'removal-started' }
  | { readonly type: 'removal-failed' };

export const initialState: ContainerState = { status: 'created', exitCode: 0, error: '' };

export function isRunning(state: ContainerState): state is RunningState {
  return state.status === 'running' || state.status === 'paused';
}

/** What a container that does not run was before its removal began. */
export function stoppedState(state: ContainerState): StoppedState | undefined {
  if (isRunning(state)) return undefined;
  return state.status === 'removing' || state.status === 'dead' ? state.before : state;
}

/**
 * The one place where a container changes state.
 *
 * @throws {EngineError} `conflict` if `event` is not legal in `state`
 */
export function transition(state: ContainerState, event: ContainerEvent): ContainerState {
  switch (state.status) {
    case 'created':
    case 'exited':
      return fromStopped(state, event);
    case 'running':
    case 'paused':
      return fromRunning(state, event);
    case 'dead':
      if (event.type === 'removal-started') return { status: 'removing', before: state.before };
      throw illegal(state, event);
    default:
      if (event.type === 'removal-failed') return { status: 'dead', before: state.before };
      throw illegal(state, event);
  }
}

function fromStopped(state: StoppedState, event: ContainerEvent): ContainerState {
  switch (event.type) {
    case 'started':
      return { status: 'running', run: event.run };
    case 'start-failed':
      return { ...state, exitCode: event.exitCode, error: event.error };
    case 'removal-started':
      return { status: 'removing', before: state };
    default:
      throw illegal(state, event);
  }
}

function fromRunning(state: RunningState, event: ContainerEvent): ContainerState {
  const { status, run } = state;
  if (event.type === 'exited') return exitedState(run, event);
  if (event.type === 'out-of-memory') return { status, run: { ...run, outOfMemory: true } };
  if (event.type === 'paused' && status === 'running') return { status: 'paused', run };
  if (event.type === 'unpaused' && status === 'paused') return { status: 'running', run };
  throw illegal(state, event);
}

function exitedState(run: Run, event: ContainerEvent & { type: 'exited' }): ContainerState {
  return {
    status: 'exited',
    exitCode: event.exitCode,
    error: '',
    outOfMemory: run.outOfMemory,
    startedAt: run.startedAt,
    finishedAt: event.finishedAt,
  };
}

function illegal(state: ContainerState, event: ContainerEvent): EngineError {
  return new EngineError(
    'conflict',
    `Cannot change container: it is ${state.status}, not to be ${event.type}`,
  );
}
