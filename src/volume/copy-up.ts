import { closeSync, constants, mkdirSync, opendirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { childPath, sortedNames, statOf } from '#layer/tree-walk.ts';
import { ownFd } from '#linux/descriptors.ts';
import { isErrno } from '#linux/errno.ts';
import { openDirectory, openInRoot, openOnMount } from '#linux/files.ts';
import { copyAttributes, copyTree, isSmallTree } from './tree-copy.ts';
import { volumeError } from './volume-errors.ts';

/** Where a copy grows, and what it is called once it is complete. */
const GROWING = '_copying';
const COMPLETE = '_copied';
export const DATA = '_data';

export interface CopyUpJob {
  /** The name of the volume. */
  readonly volume: string;
  /** The directory of the volume: its data are in `_data`. */
  readonly directory: string;
  readonly root: string;
  /** The path inside of `root` that is copied. */
  readonly path: string;
}

/**
 * Fills an empty volume with what is at `path` inside `root`. The copy is made beside the volume, where no container
 * that has the volume mounted can get at it with links of its own, and then moved in, entry by entry. Blocks.
 *
 * @throws {EngineError} `volume-over-file`
 */
export function copyUpHere(job: CopyUpJob): void {
  const { directory } = job;
  if (hasEntries(join(directory, DATA))) return;
  const sourceFd = openSource(job, openInRoot);
  if (sourceFd === undefined) return;
  try {
    // The descriptor stands for the directory that was found inside of the root, whatever its path is now.
    const source = `/proc/self/fd/${sourceFd}/.`;
    const growing = join(directory, GROWING);
    rmSync(growing, { recursive: true, force: true });
    mkdirSync(growing, 0o700);
    copyTree(Buffer.from(source), Buffer.from(growing));
    copyDirectoryAttributes(source, growing);
    renameSync(growing, join(directory, COMPLETE));
    finishCopyUp(directory);
  } finally {
    closeSync(sourceFd);
  }
}

/** Whether a volume is empty; undefined if that is not known without waiting for another disk than the engine's own. */
export function isKnownToBeEmpty(directory: string): boolean | undefined {
  try {
    using volume = ownFd(openDirectory(directory));
    using data = ownFd(openOnMount(volume.fd, DATA, constants.O_RDONLY | constants.O_DIRECTORY));
    return !hasEntries(`/proc/self/fd/${data.fd}`);
  } catch (error) {
    if (isErrno(error, 'EXDEV')) return undefined;
    throw error;
  }
}

/** True if copying into an empty volume is quick: only the engine's own disk is waited for, and little is to be copied. */
export function isQuickCopyUp(job: CopyUpJob): boolean {
  try {
    const sourceFd = openSource(job, openOnMount);
    if (sourceFd === undefined) return true;
    using source = ownFd(sourceFd);
    return isSmallTree(`/proc/self/fd/${source.fd}`);
  } catch (error) {
    // The copy itself says what is wrong.
    return !isErrno(error, 'EXDEV');
  }
}

/** Reads a few entries at most, however many there are. */
export function hasEntries(path: string): boolean {
  using directory = opendirSync(path, { bufferSize: 1 });
  return directory.readSync() !== null;
}

/** Undefined if there is nothing to copy. */
function openSource({ volume, root, path }: CopyUpJob, open: typeof openOnMount): number | undefined {
  using rootFd = ownFd(openDirectory(root));
  try {
    return open(rootFd.fd, path, constants.O_RDONLY | constants.O_DIRECTORY);
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined;
    if (!isErrno(error, 'ENOTDIR', 'ELOOP')) throw error;
    throw volumeError('volume-over-file', { subject: volume, details: { path }, cause: error });
  }
}

function copyDirectoryAttributes(from: string, to: string): void {
  const source = Buffer.from(from);
  const stats = statOf(source);
  if (stats) copyAttributes(source, Buffer.from(to), stats);
}

/** Moves a complete copy into the volume, also one that a crash has left; what a container has made there stays. */
export function finishCopyUp(directory: string): void {
  rmSync(join(directory, GROWING), { recursive: true, force: true });
  const complete = Buffer.from(join(directory, COMPLETE));
  const stats = statOf(complete);
  if (!stats) return;
  const data = Buffer.from(join(directory, DATA));
  for (const name of sortedNames(complete)) {
    const target = childPath(data, name);
    if (!statOf(target)) renameSync(childPath(complete, name), target);
  }
  copyAttributes(complete, data, stats);
  rmSync(join(directory, COMPLETE), { recursive: true, force: true });
}
