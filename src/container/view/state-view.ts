import { NEVER } from '#base/clock.ts';
import type { ContainerStateView } from '../views.ts';
import { type ContainerState, isRunning, stoppedState } from '../run/state.ts';

export function viewState(state: ContainerState): ContainerStateView {
  const { status } = state;
  if (isRunning(state)) {
    const { process, outOfMemory, startedAt, previouslyFinishedAt } = state.run;
    return {
      status,
      pid: process.pid,
      exitCode: 0,
      outOfMemory,
      ...times(startedAt, previouslyFinishedAt),
    };
  }
  const stopped = stoppedState(state);
  const exitCode = stopped?.exitCode ?? 0;
  const failure = state.status === 'dead' && state.problem ? state.problem : stopped?.failure;
  const outcome = { status, exitCode, ...(failure && { failure }) };
  if (stopped?.status !== 'exited') return { ...outcome, outOfMemory: false };
  return {
    ...outcome,
    outOfMemory: stopped.outOfMemory,
    ...times(stopped.startedAt, stopped.finishedAt),
  };
}

function times(startedAt: string, finishedAt: string): Pick<ContainerStateView, 'startedAt' | 'finishedAt'> {
  return { ...(startedAt !== NEVER && { startedAt }), ...(finishedAt !== NEVER && { finishedAt }) };
}
