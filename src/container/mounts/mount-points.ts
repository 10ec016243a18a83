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
    for (const path of pathsTo(destination)) {
      if (missing.has(path) || !isThere(root.fd, path)) missing.add(path);
    }
  }
  return [...missing];
}

/** Those of `paths` that are not there because a link on the way leads to nothing. */
export function pathsBehindLinks(rootPath: string, paths: readonly string[]): readonly string[] {
  using root = ownFd(openDirectory(rootPath));
  return paths.filter((path) => {
    if (isThere(root.fd, path)) return false;
    const missing = pathsTo(path).find((part) => !isThere(root.fd, part));
    return missing !== undefined && isThere(root.fd, missing, constants.O_NOFOLLOW);
  });
}

/** Removes those that nothing was put into. Links stay in the root. */
export function removeMountPoints(rootPath: string, paths: readonly string[]): void {
  if (paths.length === 0) return;
  using root = ownFd(openDirectory(rootPath));
  for (const path of paths.toReversed()) removeEmpty(root.fd, path);
}

/** The paths of the directories above, from the top, and itself. */
function pathsTo(path: string): readonly string[] {
  const parts = path.split('/').filter((part) => part !== '');
  return parts.map((_, index) => `/${parts.slice(0, index + 1).join('/')}`);
}

function isThere(rootFd: number, path: string, flags = 0): boolean {
  try {
    using _found = ownFd(openOnMount(rootFd, path, O_PATH | flags));
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
