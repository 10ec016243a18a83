import { elapsedMs } from '#base/clock.ts';
import { humanDuration } from './human-duration.ts';
import type { ContainerState } from '../run/state.ts';

/** The STATUS column of `ps`: `Up 3 minutes`, `Exited (0) 2 hours ago`. */
export function statusText(state: ContainerState, now: string): string {
  switch (state.status) {
    case 'created':
      return 'Created';
    case 'running':
      return `Up ${humanDuration(elapsedMs(state.run.startedAt, now))}`;
    case 'paused':
      return `Up ${humanDuration(elapsedMs(state.run.startedAt, now))} (Paused)`;
    case 'exited':
      return `Exited (${state.exitCode}) ${humanDuration(elapsedMs(state.finishedAt, now))} ago`;
    case 'removing':
      return 'Removal In Progress';
    default:
      return 'Dead';
  }
}
