import { constants, fstatSync, openSync, readFileSync, statfsSync } from 'node:fs';
import { unlessErrno } from '#base/errno.ts';
import { EngineError } from '#base/errors.ts';
import { O_PATH, TMPFS_MAGIC } from '#linux/constants.ts';
import { type OwnedFd, ownFd } from '#linux/descriptors.ts';
import { isErrno } from '#linux/errno.ts';
import { openDirectory, openInRoot } from '#linux/files.ts';
import { attachMount, cloneMount, makePrivate, makeReadonly, unmount } from '#linux/mount.ts';
import { parseMountInfo } from '#linux/mountinfo.ts';
import { copyMounts, enterMountNamespace, pivotInto } from '#linux/namespaces.ts';
import type { RootMount, RootView } from './layer.ts';
import { makePoint } from './make-point.ts';

/** A container may move a mount while it is taken away. */
const ATTEMPTS = 5;
/**
 * Puts this thread into a mount namespace of its own in which a view is all that there is: the root, with its mounts in
 * it. No /proc of whatever origin is among them: its links lead to what a process has open and to every process's root,
 * the host's too. Disposing brings the thread back to the mounts that it came from; its root is then that of those.
 */
export function enterRootView({ path, mounts, readonly }: RootView): Disposable {
  using undo = new DisposableStack();
  const home = undo.use(ownFd(openSync('/proc/thread-self/ns/mnt', constants.O_RDONLY)));
  using clones = new DisposableStack();
  const live = mounts.map((mount) => clones.use(cloneOfProcess(mount, home.fd)));
  using self = ownFd(openDirectory('/proc/thread-self'));
  undo.defer(() => enterMountNamespace(home.fd));
  copyMounts();
  // What is mounted and unmounted from here on must stay here.
  makeRootPrivate();
  const sources = mounts.map((mount, index) => live[index] ?? clones.use(cloneOfHost(mount)));
  enterRoot(path);
  for (const [index, mount] of mounts.entries()) {
    attach(mount, sources[index]);
    // Before the next one: a link to where it is to be may lead through a /proc.
    hideProcesses(self.fd);
  }
  if (readonly) {
    using root = ownFd(openDirectory('/'));
    makeReadonly(root.fd);
  }
  return undo.move();
}

function makeRootPrivate(): void {
  using root = ownFd(openSync('/', O_PATH | constants.O_DIRECTORY));
  makePrivate(root.fd);
}

/** The root becomes a mount that shows in no other place, although its files do. */
function enterRoot(path: string): void {
  using clone = cloneMount(path);
  using target = ownFd(openDirectory(path));
  attachMount(clone.fd, target.fd);
  pivotInto(clone.fd);
}

/** The tmpfs that a process sees; undefined for other mounts, and if there is none any more. */
function cloneOfProcess({ source, destination }: RootMount, homeFd: number): OwnedFd | undefined {
  if (typeof source === 'string') return undefined;
  try {
    using namespace = ownFd(openSync(`/proc/${source.tmpfsOf}/ns/mnt`, constants.O_RDONLY));
    using root = ownFd(openDirectory(`/proc/${source.tmpfsOf}/root`));
    using found = ownFd(openInRoot(root.fd, destination, O_PATH | constants.O_DIRECTORY));
    if (statfsSync(`/proc/self/fd/${found.fd}`).type !== TMPFS_MAGIC) return undefined;
    enterMountNamespace(namespace.fd);
    try {
      return cloneMount(found.fd);
    } finally {
      enterMountNamespace(homeFd);
    }
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ESRCH', 'ENOTDIR', 'ELOOP')) return undefined;
    throw error;
  }
}

/** Undefined where {@link cloneOfProcess} was asked. */
function cloneOfHost({ source, recursive, readonly }: RootMount): OwnedFd | undefined {
  return typeof source === 'string' ? cloneMount(source, { recursive, readonly }) : undefined;
}

/** Takes every proc(5) out of the view. */
function hideProcesses(selfFd: number): void {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const targets = processMounts(selfFd);
    if (targets.length === 0) return;
    for (const target of targets.toReversed()) {
      unlessErrno(() => unmount(target, { lazy: true }), 'EINVAL', 'ENOENT', 'ENOTDIR', 'ELOOP');
    }
  }
  throw new EngineError('unavailable', 'Cannot look into the container: mounts of /proc keep moving');
}

/** The mounts in the order in which they were made. */
function processMounts(selfFd: number): readonly string[] {
  using file = ownFd(openInRoot(selfFd, 'mountinfo', constants.O_RDONLY));
  return parseMountInfo(readFileSync(file.fd).toString()).flatMap(({ fsType, target }) =>
    fsType === 'proc' ? [target] : [],
  );
}

/** In the view: what the container's links say leads nowhere else. */
function attach({ destination }: RootMount, clone: OwnedFd | undefined): void {
  if (!clone) return;
  makePrivate(clone.fd);
  const isDirectory = fstatSync(clone.fd).isDirectory();
  const path = makePoint(destination, isDirectory);
  using target = ownFd(
    openSync(path, O_PATH | constants.O_NOFOLLOW | (isDirectory ? constants.O_DIRECTORY : 0)),
  );
  attachMount(clone.fd, target.fd);
}
