import { existsSync } from 'node:fs';
import { messageOf } from '#base/errors.ts';
import type { Logger } from '#base/log.ts';
import type { ContainerPaths } from '../container-paths.ts';
import { deleteFromRuntime } from '../process/delete-container.ts';
import type { Runtimes } from '../process/runtimes.ts';
import type { Supervisor } from '../process/supervisor.ts';

export interface DiscardRoles {
  readonly paths: Pick<ContainerPaths, 'bundle'>;
  readonly supervisor: Pick<Supervisor, 'discard'>;
  readonly runtimes: Runtimes;
  readonly logger: Logger;
}

/** Ends and removes what no record knows as a run, where there is something. */
export async function discardRun(
  { paths, supervisor, runtimes, logger }: DiscardRoles,
  id: string,
): Promise<void> {
  if (!existsSync(paths.bundle(id))) return;
  try {
    await supervisor.discard(id, paths.bundle(id));
    await deleteFromRuntime(runtimes, id);
  } catch (error) {
    logger.warn('what an unfinished start left cannot be removed', { id, error: messageOf(error) });
  }
}
