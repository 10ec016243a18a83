/** The directories and files of the host that containers mount: whatever file system they are on. */
import { mkdirSync, statSync } from 'node:fs';
import { isErrno } from '#linux/errno.ts';
import type { FileService } from '#linux/file-service.ts';
import { isKnownToExist } from '#linux/files.ts';
import { containerError } from '../container-errors.ts';
import { CONTAINER_FILE_TASKS } from '../files/file-tasks.ts';
import { hostLane } from '../files/lanes.ts';
import type { MountPlan } from './mount-plan.ts';

export interface BindSource {
  /** Absolute. */
  readonly source: string;
  /** One that does not exist is made as a directory, or is an error. */
  readonly createSource: boolean;
}

/** @throws {EngineError} `bind-source-missing`. Blocks. */
export function makeBindSource({ source, createSource }: BindSource): void {
  try {
    statSync(source);
  } catch (error) {
    if (!isErrno(error, 'ENOENT', 'ENOTDIR')) throw error;
    if (!createSource) throw containerError('bind-source-missing', { subject: source });
    mkdirSync(source, { recursive: true });
  }
}

/** The same without blocking. @throws {EngineError} `files-hang` too */
export async function prepareBindSource(
  files: FileService,
  { source, createSource }: BindSource,
): Promise<void> {
  if (isKnownToExist(source)) return;
  const guard = { lane: hostLane(source), action: `mount ${source}` };
  await files.run(CONTAINER_FILE_TASKS, 'bind-source', { input: { source, createSource }, guard });
}

/**
 * Sources that are not made must be there when the container is created.
 *
 * @throws {EngineError} `bind-source-missing`, `files-hang`
 */
export async function requireBindSources(files: FileService, { mounts }: MountPlan): Promise<void> {
  for (const mount of mounts) {
    if (mount.type === 'bind' && !mount.createSource) await prepareBindSource(files, mount);
  }
}
