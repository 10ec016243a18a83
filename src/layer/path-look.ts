/** Looking at a path inside of a container's root, for worker threads: it may take as long as the file system takes. */
import { type BigIntStats, constants, openSync } from 'node:fs';
import { posix } from 'node:path';
import { messageOf } from '#base/errors.ts';
import { type OwnedFd, ownFd } from '#linux/descriptors.ts';
import { isErrno } from '#linux/errno.ts';
import type { FileStat } from './layer.ts';
import { absolutePath, followLinks, isDirectoryInRoot, lstatInRoot } from './path-resolution.ts';
import { layerError } from './layer-errors.ts';

export interface LookJob {
  readonly root: string;
  readonly path: string;
}

export interface FoundPath {
  readonly stat: FileStat;
  readonly isDirectory: boolean;
}

/** @throws {EngineError} `not-found`, `invalid` */
export function lookAtPath({ root, path: given }: LookJob): FoundPath {
  const path = absolutePath(given);
  using rootFd = openRoot(root);
  const stats = found(path, () => lstatInRoot(rootFd.fd, path));
  const linkTarget = stats.isSymbolicLink() ? followLinks(rootFd.fd, path) : '';
  return { stat: fileStatOf(path, stats, linkTarget), isDirectory: stats.isDirectory() };
}

function fileStatOf(path: string, stats: BigIntStats, linkTarget: string): FileStat {
  return {
    name: goBase(path),
    sizeBytes: Number(stats.size),
    mode: Number(stats.mode),
    modifiedNs: stats.mtimeNs,
    linkTarget,
  };
}

/** Go's filepath.Base: the last part; `.` for `dir/.`, `/` for the root. */
function goBase(path: string): string {
  if (path.endsWith('/.')) return '.';
  return posix.basename(path) || '/';
}

/** @throws {EngineError} `not-found`, `invalid` if it is no directory */
export function requireDirectory({ root, path: given }: LookJob): void {
  const path = absolutePath(given);
  using rootFd = openRoot(root);
  if (found(path, () => isDirectoryInRoot(rootFd.fd, path))) return;
  throw layerError('archive-target-no-directory');
}

function openRoot(root: string): OwnedFd {
  return ownFd(openSync(root, constants.O_RDONLY | constants.O_DIRECTORY));
}

function found<T>(path: string, look: () => T): T {
  try {
    return look();
  } catch (cause) {
    if (!isErrno(cause, 'ENOENT', 'ENOTDIR', 'ELOOP')) throw cause;
    const reason = isErrno(cause, 'ENOENT') ? 'no-such-path' : 'path-unusable';
    throw layerError(reason, { subject: path, details: { problem: messageOf(cause) }, cause });
  }
}
