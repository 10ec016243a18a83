import { AT_EMPTY_PATH, AT_FDCWD, AT_SYMLINK_NOFOLLOW, O_CLOEXEC } from './constants.ts';
import { type OwnedFd, ownFd } from './descriptors.ts';
import { isErrno } from './errno.ts';
import { FilesystemContext } from './filesystem-context.ts';
import { check, libc } from './libc.ts';
import { syscall } from './syscalls.ts';

/** Flags of mount(2). */
export const MountFlag = {
  readonly: 1,
  noSuid: 2,
  noDev: 4,
  noExec: 8,
  remount: 32,
  noAtime: 1024,
  bind: 4096,
  recursive: 16384,
  unbindable: 1 << 17,
  private: 1 << 18,
  slave: 1 << 19,
  shared: 1 << 20,
} as const;

/** An EROFS image; with `device`, an index over a tar that is kept beside it. */
export interface ErofsOptions {
  readonly target: string;
  readonly index: string;
  readonly device?: string;
}

/**
 * Mounts an EROFS image straight from its file, read-only and without a loop device (kernel 6.12 or newer).
 *
 * @throws {SystemError} `ENOTBLK` where the file system under the image cannot serve it (tmpfs) or the kernel is
 *   older, `ENODEV` where the kernel has no EROFS
 */
export function mountErofs(options: ErofsOptions): void {
  using context = FilesystemContext.open('erofs', options.target);
  context.setPath('source', options.index);
  if (options.device !== undefined) context.setPath('device', options.device);
  context.setFlag('ro');
  context.mount();
}

/** Whether mounts made on either side appear on the other; `r…` for the whole tree (mount_namespaces(7)). */
/** <linux/mount.h> */
const OPEN_TREE_CLONE = 1;
const MOUNT_ATTR_RDONLY = 1;

/**
 * A read-only bind mount that is nowhere: reached through its descriptor, gone with it (open_tree(2)). It was never
 * writable, not even for a moment. What is mounted below `source` is not there.
 */
export function cloneReadOnly(source: string): OwnedFd {
  using undo = new DisposableStack();
  const tree = syscall.openTree(AT_FDCWD, source, OPEN_TREE_CLONE | O_CLOEXEC);
  const clone = undo.use(ownFd(check('open_tree', source, tree)));
  // struct mount_attr: what to set, to clear, propagation and user namespace, 64 bits each.
  const attributes = Buffer.alloc(32);
  attributes.writeBigUInt64LE(BigInt(MOUNT_ATTR_RDONLY));
  check('mount_setattr', source, syscall.mountSetattr(clone.fd, '', AT_EMPTY_PATH, attributes));
  undo.move();
  return clone;
}

/** Makes mounts at and below `target` propagate no further (mount(2), "Changing the propagation type"). */
export function makePrivate(target: string): void {
  const flags = MountFlag.private | MountFlag.recursive;
  check('mount', target, libc.mount(null, target, null, flags, null));
}

export interface TmpfsOptions {
  /** Half of the memory by default. */
  readonly sizeBytes?: number;
  /** Permissions of its root; 01777 by default. */
  readonly mode?: number;
}

/** Mounts a fresh tmpfs(5). */
export function mountTmpfs(target: string, options: TmpfsOptions = {}): void {
  const data: string[] = [];
  if (options.sizeBytes !== undefined) data.push(`size=${options.sizeBytes}`);
  if (options.mode !== undefined) data.push(`mode=${options.mode.toString(8)}`);
  mountFilesystem('tmpfs', target, { data: data.join(',') });
}

export interface FilesystemOptions {
  /** A sum of {@link MountFlag}. */
  readonly flags?: number;
  /** Options of the file system; the kernel cuts them at 4 KB. */
  readonly data?: string;
}

/** The classic mount(2) of a file system without a device. */
export function mountFilesystem(type: string, target: string, options: FilesystemOptions = {}): void {
  check('mount', target, libc.mount(type, target, type, options.flags ?? 0, options.data ?? ''));
}

/** <sys/mount.h> */
const MNT_DETACH = 2;
const UMOUNT_NOFOLLOW = 8;

/**
 * Unmounts (umount2(2)); `lazy` takes it out of sight at once and releases it after its last use.
 *
 * @throws {SystemError} `conflict` if it is in use, `invalid` if nothing is mounted there, `not-found` without such a
 *   path
 */
export function unmount(target: string, options: { readonly lazy?: boolean } = {}): void {
  check('umount2', target, libc.umount2(target, UMOUNT_NOFOLLOW | (options.lazy ? MNT_DETACH : 0)));
}

/** Unmounts everything that is stacked on `target`, lazily; a target where nothing is mounted is fine. */
export function unmountAll(target: string): void {
  try {
    for (;;) unmount(target, { lazy: true });
  } catch (error) {
    if (!isErrno(error, 'EINVAL', 'ENOENT')) throw error;
  }
}

/** statx(2): offsets of stx_attributes in struct statx, and its bit for the root of a mount. */
const STATX_SIZE = 256;
const STATX_ATTRIBUTES_OFFSET = 8;
const STATX_ATTR_MOUNT_ROOT = 0x2000n;

/** True if something is mounted exactly at `path`; false also if it does not exist. Symbolic links are not followed. */
export function isMountPoint(path: string): boolean {
  const buffer = Buffer.alloc(STATX_SIZE);
  try {
    check('statx', path, libc.statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, 0, buffer));
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ENOTDIR')) return false;
    throw error;
  }
  return (buffer.readBigUInt64LE(STATX_ATTRIBUTES_OFFSET) & STATX_ATTR_MOUNT_ROOT) !== 0n;
}
