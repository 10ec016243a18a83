import { constants, fstatSync, openSync, readFileSync, statfsSync } from 'node:fs';
import { unlessErrno } from '#base/errno.ts';
import { EngineError } from '#base/errors.ts';
import { O_PATH } from '#linux/constants.ts';
import { type OwnedFd, ownFd } from '#linux/descriptors.ts';
import { isErrno } from '#linux/errno.ts';
import { openDirectory, openInRoot } from '#linux/files.ts';
import { attachMount, cloneMount, makePrivate, makeReadonly, unmount } from '#linux/mount.ts';
import { parseMountInfo } from '#linux/mountinfo.ts';
import { copyMounts, enterMountNamespace, pivotInto } from '#linux/namespaces.ts';
import type { RootMount, RootView } from './layer.ts';
import { makePoint } from './make-point.ts';

/** Something of the host may move a mount while it is taken away. */
const ATTEMPTS = 5;
/** <linux/magic.h> */
const TMPFS_MAGIC = 0x01021994;

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
  undo.defer(() => enterMountNamespace(home.fd));
  copyMounts();
  // What is mounted and unmounted from here on must stay here.
  makeRootPrivate();
  const hidden = hideProcesses();
  const sources = mounts.map((mount, index) => live[index] ?? clones.use(cloneOfHost(mount, hidden)));
  enterRoot(path);
  for (const [index, mount] of mounts.entries()) attach(mount, sources[index]);
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

/** Undefined for what was in /proc. */
function cloneOfHost(
  { source, recursive, readonly }: RootMount,
  hidden: readonly string[],
): OwnedFd | undefined {
  if (typeof source !== 'string' || hidden.some((target) => isInside(source, target))) return undefined;
  return cloneMount(source, { recursive, readonly });
}

function isInside(path: string, directory: string): boolean {
  return path === directory || path.startsWith(`${directory}/`);
}

/** Takes every proc(5) out of this thread's namespace. Returns where they were. */
function hideProcesses(): readonly string[] {
  using self = ownFd(openDirectory('/proc/thread-self'));
  const hidden = new Set<string>();
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const targets = processMounts(self.fd);
    if (targets.length === 0) return [...hidden];
    for (const target of targets.toReversed()) {
      hidden.add(target);
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
