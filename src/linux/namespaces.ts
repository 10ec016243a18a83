import { closeSync, openSync, unlinkSync } from 'node:fs';
import { unlessErrno } from '#base/errno.ts';
import { ownFd } from './descriptors.ts';
import { check, libc } from './libc.ts';
import { MountFlag, unmount } from './mount.ts';

/** <sched.h> */
const CLONE_FS = 0x200;
const CLONE_NEWNS = 0x20000;
const CLONE_NEWNET = 0x40000000;

/** A thread, not the process, is in a namespace. */
const OWN_NETWORK_NAMESPACE = '/proc/thread-self/ns/net';

/**
 * Creates an empty network namespace and pins it to a new file at `path`, whose directory exists.
 *
 * Synchronous on purpose: the thread is inside the new namespace for a moment, and nothing else of it may run then.
 *
 * @throws {SystemError} `conflict` (or Node's EEXIST) if `path` exists
 */
export function createNetworkNamespace(path: string): void {
  using undo = new DisposableStack();
  closeSync(openSync(path, 'wx', 0o444));
  undo.defer(() => unlinkSync(path));
  awayFromHome(() => {
    check('unshare', 'the network namespace', libc.unshare(CLONE_NEWNET));
    check('mount', path, libc.mount(OWN_NETWORK_NAMESPACE, path, null, MountFlag.bind, null));
  });
  undo.move();
}

/**
 * Drops the pin. The namespace goes when its last process and descriptor go, and its interfaces with it, a little
 * later. A path that is gone or not pinned already is fine.
 */
export function removeNetworkNamespace(path: string): void {
  unlessErrno(() => unmount(path, { lazy: true }), 'EINVAL', 'ENOENT');
  unlessErrno(() => unlinkSync(path), 'ENOENT');
}

/** A descriptor of the namespace at `path` (/proc/PID/ns/net or a pin), close-on-exec; the caller closes it. */
export function openNamespace(path: string): number {
  return openSync(path, 'r');
}

/**
 * Runs `work` inside a network namespace, given by path or descriptor. `work` must be synchronous: sockets that it
 * creates belong to the namespace for good, and /proc/sys/net is the namespace's.
 */
export function inNetworkNamespace<T>(target: string | number, work: () => T): T {
  using stack = new DisposableStack();
  const fd = typeof target === 'number' ? target : stack.use(ownFd(openNamespace(target))).fd;
  return awayFromHome(() => {
    check('setns', String(target), libc.setns(fd, CLONE_NEWNET));
    const result = work();
    if (result instanceof Promise) throw new TypeError('Work in a network namespace must be synchronous');
    return result;
  });
}

/** Whatever network namespace `work` puts the thread into, it is back in its own afterwards. */
function awayFromHome<T>(work: () => T): T {
  using home = ownFd(openSync(OWN_NETWORK_NAMESPACE, 'r'));
  try {
    return work();
  } finally {
    // A daemon in a container's namespace would be worse than none.
    if (libc.setns(home.fd, CLONE_NEWNET) < 0) process.abort();
  }
}

/**
 * Gives the calling thread a root, working directory and umask of its own (unshare(2), CLONE_FS). For worker threads
 * that then call {@link chroot}; asynchronous file operations still run on the pool's threads, outside the jail.
 */
export function unshareFilesystemContext(): void {
  check('unshare', 'the file system context', libc.unshare(CLONE_FS));
}

/**
 * Puts the calling thread into a mount namespace (setns(2)), after {@link unshareFilesystemContext}; its root and
 * working directory are that of the namespace.
 *
 * @param fd of /proc/PID/ns/mnt
 */
export function enterMountNamespace(fd: number): void {
  check('setns', 'a mount namespace', libc.setns(fd, CLONE_NEWNS));
}

/** Gives the calling thread a copy of the mounts that it sees (unshare(2), CLONE_NEWNS), after the same. */
export function copyMounts(): void {
  check('unshare', 'the mounts', libc.unshare(CLONE_NEWNS));
}

/**
 * Makes the mount that `fd` is the root of the root of the calling thread's mount namespace, and takes all others out
 * of it (pivot_root(2)), after {@link copyMounts}. No mount of the namespace may be shared.
 */
export function pivotInto(fd: number): void {
  fchdir(fd);
  check('pivot_root', `descriptor ${fd}`, libc.pivot_root('.', '.'));
  // The former root lies on the new one now.
  unmount('.', { lazy: true });
  chdir('/');
}

/** chroot(2); of the calling thread alone after {@link unshareFilesystemContext}. The working directory stays. */
export function chroot(path: string): void {
  check('chroot', path, libc.chroot(path));
}

/** chdir(2): unlike process.chdir(), it works in worker threads. */
export function chdir(path: string): void {
  check('chdir', path, libc.chdir(path));
}

/** chdir to an open directory (fchdir(2)): the way back out of a chroot. */
export function fchdir(fd: number): void {
  check('chdir', `descriptor ${fd}`, libc.fchdir(fd));
}

/** Sets the file mode creation mask and returns the former one (umask(2)). */
export function umask(mode: number): number {
  return libc.umask(mode);
}
