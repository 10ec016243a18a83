import type { ProgressTask } from '../progress/build-progress.ts';
import type { Movement } from '../progress/pull-movement.ts';
import type { ContextSourceFiles } from './context-source.ts';

const REPORTED_BYTES = 1 << 20;

/**
 * Receives files of a client, and tells how many bytes have come.
 *
 * @param paths none: all
 * @param what they are, as people see it
 */
export function receiving(
  source: Pick<ContextSourceFiles, 'receive'>,
  paths: readonly string[],
  what = 'context',
): (task: ProgressTask) => Promise<void> {
  return async ({ moves }) => {
    const movement: Movement = { id: `transferring ${what}:`, name: 'transferring' };
    let current = 0;
    let reported = 0;
    await source.receive(paths, (bytes) => {
      current = bytes;
      if (bytes - reported < REPORTED_BYTES) return;
      reported = bytes;
      moves({ ...movement, current });
    });
    moves({ ...movement, current, isDone: true });
  };
}
