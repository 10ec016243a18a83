import { constants, openSync, readFileSync } from 'node:fs';
import { EngineError } from '#base/errors.ts';
import { ownFd } from '#linux/descriptors.ts';
import { isErrno } from '#linux/errno.ts';
import { openDirectory, openInRoot } from '#linux/files.ts';
import { makePrivate, unmount } from '#linux/mount.ts';
import { parseMountInfo } from '#linux/mountinfo.ts';
import { chroot, copyMounts, enterMountNamespace, fchdir } from '#linux/namespaces.ts';

/** A container may move a mount while it is taken away. */
const ATTEMPTS = 5;

/**
 * Puts this thread into a copy of a process's mounts, with the process's root as its own, and without /proc: its links
 * lead to whatever a process has open and to every process's root, and in a container that sees the host's processes to
 * the host's. Disposing brings the thread back to the mounts that it came from; its root is then that of those mounts.
 */
export function enterProcessView(pid: string): Disposable {
  const home = ownFd(openSync('/proc/thread-self/ns/mnt', constants.O_RDONLY));
  using undo = new DisposableStack();
  undo.defer(() => home[Symbol.dispose]());
  undo.defer(() => enterMountNamespace(home.fd));
  using namespace = ownFd(openSync(`/proc/${pid}/ns/mnt`, constants.O_RDONLY));
  using root = ownFd(openDirectory(`/proc/${pid}/root`));
  using self = ownFd(openDirectory('/proc/thread-self'));
  enterMountNamespace(namespace.fd);
  fchdir(root.fd);
  chroot('.');
  copyMounts();
  // What is unmounted in the copy must stay in the container.
  makePrivate('/');
  hideProcesses(self.fd);
  return undo.move();
}

function hideProcesses(selfFd: number): void {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const targets = processMounts(selfFd);
    if (targets.length === 0) return;
    for (const target of targets.toReversed()) {
      try {
        unmount(target, { lazy: true });
      } catch (error) {
        if (!isErrno(error, 'EINVAL', 'ENOENT', 'ENOTDIR', 'ELOOP')) throw error;
      }
    }
  }
  throw new EngineError('unavailable', 'Cannot look into the container: its mounts of /proc keep moving');
}

/** The mounts in the order in which they were made. */
function processMounts(selfFd: number): readonly string[] {
  using file = ownFd(openInRoot(selfFd, 'mountinfo', constants.O_RDONLY));
  return parseMountInfo(readFileSync(file.fd).toString()).flatMap(({ fsType, target }) =>
    fsType === 'proc' ? [target] : [],
  );
}
