/** Places in a root that the runtime would not make, or not yet: working directories, and what links lead to. */
import { constants, statSync } from 'node:fs';
import { inJail } from '#layer/jail.ts';
import type { SnapshotStore } from '#layer/layer.ts';
import { makePoint } from '#layer/make-point.ts';
import { O_PATH } from '#linux/constants.ts';
import { ownFd } from '#linux/descriptors.ts';
import { isErrno } from '#linux/errno.ts';
import type { FileService } from '#linux/file-service.ts';
import { openDirectory, openOnMount } from '#linux/files.ts';
import { containerError } from '../container-errors.ts';
import { CONTAINER_FILE_TASKS } from '../files/file-tasks.ts';
import { containerLane } from '../files/lanes.ts';
import { pathsBehindLinks } from './mount-points.ts';
import type { ResolvedMount } from './mounts.ts';

interface Point {
  readonly path: string;
  /** A bind mount's: the point is what it is, a directory or a file. Absent: a directory. */
  readonly source?: string;
}

export interface PointsToMake {
  readonly rootPath: string;
  readonly points: readonly Point[];
}

/** Blocks; for threads. */
export function makePoints({ rootPath, points }: PointsToMake): void {
  const kinds = points.map(({ source }) => source === undefined || statSync(source).isDirectory());
  inJail(rootPath, () => {
    for (const [index, { path }] of points.entries()) makePoint(path, kinds[index] ?? true);
  });
}

interface PointRoles {
  readonly files: FileService;
  readonly snapshots: Pick<SnapshotStore, 'showLayers' | 'mount' | 'unmount'>;
}

/**
 * Makes the working directory of a container that has just been created, whose root nothing has changed yet.
 *
 * @throws {EngineError} `working-directory-is-file`
 */
export async function makeWorkingDirectory(
  { files, snapshots }: PointRoles,
  id: string,
  path: string,
): Promise<void> {
  using layers = snapshots.showLayers(id);
  if (isDirectory(layers.root, path)) return;
  const rootPath = snapshots.mount(id);
  try {
    await make(files, id, { rootPath, points: [{ path }] });
  } finally {
    await snapshots.unmount(id);
  }
}

/**
 * Makes what links lead to where a container mounts or works: runtimes differ in that. The rest is theirs.
 *
 * @param rootPath where no process runs yet
 */
export async function makePointsBehindLinks(
  files: FileService,
  id: string,
  places: {
    readonly rootPath: string;
    readonly directory: string;
    readonly mounts: readonly ResolvedMount[];
  },
): Promise<void> {
  const { rootPath, directory, mounts } = places;
  const wanted: readonly Point[] = [
    ...mounts.map(({ type, source, destination }) => ({
      path: destination,
      ...(type === 'bind' && { source }),
    })),
    { path: directory },
  ];
  const behindLinks = new Set(
    pathsBehindLinks(
      rootPath,
      wanted.map(({ path }) => path),
    ),
  );
  const points = wanted.filter(({ path }) => behindLinks.has(path));
  if (points.length > 0) await make(files, id, { rootPath, points });
}

async function make(files: FileService, id: string, input: PointsToMake): Promise<void> {
  const action = `make ${input.points.map(({ path }) => path).join(', ')}`;
  await files.run(CONTAINER_FILE_TASKS, 'make-points', { input, guard: { lane: containerLane(id), action } });
}

function isDirectory(rootPath: string, path: string): boolean {
  using root = ownFd(openDirectory(rootPath));
  try {
    using _found = ownFd(openOnMount(root.fd, path, O_PATH | constants.O_DIRECTORY));
    return true;
  } catch (cause) {
    if (isErrno(cause, 'ENOENT')) return false;
    if (isErrno(cause, 'ENOTDIR'))
      throw containerError('working-directory-is-file', { subject: path, cause });
    throw cause;
  }
}
