/** Looking at a path inside of a container's root, for worker threads: it may take as long as the file system takes. */
import { accessSync, type BigIntStats, constants, lstatSync, statSync } from 'node:fs';
import { posix } from 'node:path';
import { placeOfText } from '#base/byte-text.ts';
import { isEngineError, messageOf } from '#base/errors.ts';
import { ownFd } from '#linux/descriptors.ts';
import { isErrno } from '#linux/errno.ts';
import { openDirectory, openOnMount } from '#linux/files.ts';
import { O_PATH } from '#linux/constants.ts';
import { followLinks } from './follow-links.ts';
import { inJail } from './jail.ts';
import type { FileStat, RootView } from './layer.ts';
import { layerError } from './layer-errors.ts';

export interface LookJob {
  readonly root: string | RootView;
  readonly path: string;
}

export interface FoundPath {
  readonly stat: FileStat;
  readonly isDirectory: boolean;
}

/** An absolute path without needless parts; a final `/` or `/.`, which means the directory behind a link, stays. */
export function absolutePath(path: string): string {
  const clean = posix.join('/', path);
  if (clean === '/') return path.endsWith('/.') || path === '.' ? '/.' : '/';
  const bare = clean.replace(/\/$/, '');
  if (/(?:^|\/)\.$/.test(path)) return `${bare}/.`;
  return path.endsWith('/') ? `${bare}/` : bare;
}

/** @throws {EngineError} `not-found`, `invalid` */
export function lookAtPath({ root, path: given }: LookJob): FoundPath {
  const path = absolutePath(given);
  return inJail(root, () => {
    const stats = found(path, () => lstatSync(placeOfText(path), { bigint: true }));
    const linkTarget = stats.isSymbolicLink() ? whereItLeads(path) : '';
    return { stat: fileStatOf(path, stats, linkTarget), isDirectory: stats.isDirectory() };
  });
}

/** A link of a ring leads to itself. */
function whereItLeads(path: string): string {
  try {
    return followLinks(path);
  } catch (error) {
    if (isEngineError(error, 'invalid')) return path;
    throw error;
  }
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

/**
 * In a jail: something may be extracted there.
 *
 * @throws {EngineError} `not-found`, `invalid` if it is no directory or only for reading
 */
export function requireWritableDirectory(path: string): void {
  if (!found(path, () => statSync(placeOfText(path))).isDirectory())
    throw layerError('archive-target-no-directory');
  try {
    accessSync(placeOfText(path), constants.W_OK);
  } catch (cause) {
    if (!isErrno(cause, 'EROFS')) throw cause;
    throw layerError(isOnRootMount(path) ? 'root-read-only' : 'mount-read-only', { subject: path, cause });
  }
}

function isOnRootMount(path: string): boolean {
  using root = ownFd(openDirectory('/'));
  try {
    using _found = ownFd(openOnMount(root.fd, path, O_PATH));
    return true;
  } catch (error) {
    if (isErrno(error, 'EXDEV')) return false;
    throw error;
  }
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
