/** Mount points that the runtime makes in a root, and that are removed with the mounts. */
import { constants, fstatSync, rmdirSync, unlinkSync } from 'node:fs';
import { posix } from 'node:path';
import { O_PATH } from '#linux/constants.ts';
import { ownFd } from '#linux/descriptors.ts';
import { isErrno } from '#linux/errno.ts';
import { openDirectory, openOnMount } from '#linux/files.ts';

/** Paths in the root that are not there, each before what will be in it. */
export function missingMountPoints(
  rootPath: string,
  mounts: readonly { readonly destination: string }[],
): readonly string[] {
  if (mounts.length === 0) return [];
  using root = ownFd(openDirectory(rootPath));
  const missing = new Set<string>();
  for (const { destination } of mounts) {
    const parts = destination.split('/').filter((part) => part !== '');
    for (let count = 1; count <= parts.length; count++) {
      const path = `/${parts.slice(0, count).join('/')}`;
      if (missing.has(path) || !isThere(root.fd, path)) missing.add(path);
    }
  }
  return [...missing];
}

/** Removes those that nothing was put into. Links stay in the root. */
export function removeMountPoints(rootPath: string, paths: readonly string[]): void {
  if (paths.length === 0) return;
  using root = ownFd(openDirectory(rootPath));
  for (const path of paths.toReversed()) removeEmpty(root.fd, path);
}

function isThere(rootFd: number, path: string): boolean {
  try {
    using _found = ownFd(openOnMount(rootFd, path, O_PATH));
    return true;
  } catch (error) {
    // The runtime makes nothing behind a mount.
    if (isErrno(error, 'EXDEV')) return true;
    if (isErrno(error, 'ENOENT', 'ENOTDIR', 'ELOOP')) return false;
    throw error;
  }
}

function removeEmpty(rootFd: number, path: string): void {
  try {
    using parent = ownFd(openOnMount(rootFd, posix.dirname(path), O_PATH | constants.O_DIRECTORY));
    const flags = O_PATH | constants.O_NOFOLLOW;
    using found = ownFd(openOnMount(parent.fd, posix.basename(path), flags));
    const stats = fstatSync(found.fd);
    const name = `/proc/self/fd/${parent.fd}/${posix.basename(path)}`;
    if (stats.isDirectory()) rmdirSync(name);
    else if (stats.isFile() && stats.size === 0) unlinkSync(name);
  } catch (error) {
    if (!isErrno(error, 'ENOENT', 'ENOTDIR', 'ELOOP', 'EXDEV', 'ENOTEMPTY', 'EEXIST', 'EBUSY')) throw error;
  }
}
