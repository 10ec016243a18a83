/** Looking at paths inside a container's root: the kernel keeps each call inside. */
import { type BigIntStats, constants, lstatSync, readlinkSync } from 'node:fs';
import { posix } from 'node:path';
import { type OwnedFd, ownFd } from '#linux/descriptors.ts';
import { isErrno } from '#linux/errno.ts';
import { openInRoot } from '#linux/files.ts';

/** <linux/fcntl.h> */
const O_PATH = 0o10000000;
/** The most links that the kernel follows in one path (path_resolution(7)). */
const MAXIMUM_LINKS = 40;

/** An absolute path without needless parts; a final `/` or `/.`, which means the directory behind a link, stays. */
export function absolutePath(path: string): string {
  const clean = posix.join('/', path);
  if (clean === '/') return path.endsWith('/.') || path === '.' ? '/.' : '/';
  const bare = clean.replace(/\/$/, '');
  if (/(?:^|\/)\.$/.test(path)) return `${bare}/.`;
  return path.endsWith('/') ? `${bare}/` : bare;
}

/** What is at a path, a link at its end not followed. Links before it are. @throws {SystemError} `not-found`, … */
export function lstatInRoot(rootFd: number, path: string): BigIntStats {
  if (path.endsWith('/') || path.endsWith('/.')) {
    using directory = openPath(rootFd, path, constants.O_DIRECTORY);
    return lstatSync(`/proc/self/fd/${directory.fd}/.`, { bigint: true });
  }
  using parent = openPath(rootFd, posix.dirname(path), constants.O_DIRECTORY);
  return lstatSync(`/proc/self/fd/${parent.fd}/${posix.basename(path)}`, { bigint: true });
}

/** What is at a path, links followed. @throws {SystemError} `not-found`, … */
export function isDirectoryInRoot(rootFd: number, path: string): boolean {
  try {
    using _directory = openPath(rootFd, path, constants.O_DIRECTORY);
    return true;
  } catch (error) {
    if (isErrno(error, 'ENOTDIR')) return false;
    throw error;
  }
}

/** Where a path leads once every link is followed, as far as it exists: what does not, is taken literally. */
export function followLinks(rootFd: number, path: string): string {
  const rest = path.split('/').filter((part) => part !== '');
  let resolved = '/';
  for (let links = 0; rest.length > 0; ) {
    const part = rest.shift() ?? '';
    if (part === '.' || part === '..') {
      resolved = posix.join(resolved, part);
      continue;
    }
    const next = posix.join(resolved, part);
    const target = links < MAXIMUM_LINKS ? linkTarget(rootFd, next) : undefined;
    if (target === undefined) {
      resolved = next;
      continue;
    }
    links++;
    if (target.startsWith('/')) resolved = '/';
    rest.unshift(...target.split('/').filter((part) => part !== ''));
  }
  return resolved;
}

function linkTarget(rootFd: number, path: string): string | undefined {
  try {
    using parent = openPath(rootFd, posix.dirname(path), constants.O_DIRECTORY);
    return readlinkSync(`/proc/self/fd/${parent.fd}/${posix.basename(path)}`);
  } catch (error) {
    if (isErrno(error, 'EINVAL', 'ENOENT', 'ENOTDIR', 'ELOOP')) return undefined;
    throw error;
  }
}

function openPath(rootFd: number, path: string, flags: number): OwnedFd {
  return ownFd(openInRoot(rootFd, path, O_PATH | flags));
}
