/**
 * How files in a container's root are looked at.
 *
 * The root that the engine has mounted is an overlay on the engine's own disk: looking at it with O_PATH, without
 * leaving the mount, waits for that disk only, whatever runs in the container. Opening a file of it can be held up in
 * two ways: by a lease (fcntl(2)), which an open with O_NONBLOCK does not wait for, and by a fanotify mark with
 * permission events, which takes CAP_SYS_ADMIN.
 */
import { constants, openSync } from 'node:fs';
import { O_PATH } from '#linux/constants.ts';
import { isErrno } from '#linux/errno.ts';
import { openInRoot, openOnMount } from '#linux/files.ts';

export interface RootAccess {
  /**
   * A descriptor with O_PATH of what is at `path`, links followed inside of the root. The caller closes it.
   *
   * @param flags further ones, of `fs.constants`
   */
  find(rootFd: number, path: string, flags?: number): number;
  /** Opens a regular file that was found, for reading. The caller closes it. */
  openFile(foundFd: number): number;
}

/** Access for the event loop: it fails where it would have to wait for others, see {@link isHeldUp}. */
export const promptly: RootAccess = {
  find: (rootFd, path, flags = 0) => openOnMount(rootFd, path, O_PATH | flags),
  openFile: (fd) => openSync(`/proc/self/fd/${fd}`, constants.O_RDONLY | constants.O_NONBLOCK),
};

/** Access for the threads of the file service: it waits as long as it takes. */
export const patiently: RootAccess = {
  find: (rootFd, path, flags = 0) => openInRoot(rootFd, path, O_PATH | flags),
  openFile: (fd) => openSync(`/proc/self/fd/${fd}`, constants.O_RDONLY),
};

/** True if `error` says that something is not to be had promptly: a leased file, or a path into another mount. */
export function isHeldUp(error: unknown): boolean {
  return isErrno(error, 'EAGAIN', 'EXDEV');
}
