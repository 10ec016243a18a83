import { elapsedMs, NEVER } from '#base/clock.ts';
import { unreachable } from '#base/unreachable.ts';
import type { ContainerStateView } from '#container/views.ts';
import { humanDuration } from './human-duration.ts';

/** The STATUS column of `ps`: `Up 3 minutes`, `Exited (0) 2 hours ago`. */
export function statusText(state: ContainerStateView, now: string): string {
  const { status, exitCode, startedAt = NEVER, finishedAt = NEVER } = state;
  switch (status) {
    case 'created':
      return 'Created';
    case 'running':
      return `Up ${humanDuration(elapsedMs(startedAt, now))}`;
    case 'paused':
      return `Up ${humanDuration(elapsedMs(startedAt, now))} (Paused)`;
    case 'restarting':
      return `Restarting (${exitCode}) ${humanDuration(elapsedMs(finishedAt, now))} ago`;
    case 'exited':
      return `Exited (${exitCode}) ${humanDuration(elapsedMs(finishedAt, now))} ago`;
    case 'removing':
      return 'Removal In Progress';
    case 'dead':
      return 'Dead';
  }
  return unreachable(status);
}
