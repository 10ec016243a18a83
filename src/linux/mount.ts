import { AT_EMPTY_PATH, AT_FDCWD, AT_RECURSIVE, AT_SYMLINK_NOFOLLOW, O_CLOEXEC } from './constants.ts';
import { type OwnedFd, ownFd } from './descriptors.ts';
import { isErrno } from './errno.ts';
import { FilesystemContext } from './filesystem-context.ts';
import { check, libc } from './libc.ts';
import { syscall } from './syscalls.ts';

export const MountFlag = {
  noSuid: 2,
  noDev: 4,
  noExec: 8,
  bind: 4096,
  private: 1 << 18,
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

/** <linux/mount.h> */
const OPEN_TREE_CLONE = 1;
const MOVE_MOUNT_F_EMPTY_PATH = 4;
const MOVE_MOUNT_T_EMPTY_PATH = 0x40;
const MOUNT_ATTR_RDONLY = 1;

export interface CloneOptions {
  readonly readonly?: boolean;
  /** True: the mounts below `source` come along, and `readonly` holds for them too. */
  readonly recursive?: boolean;
}

/**
 * A bind mount that is nowhere: reached through its descriptor, gone with it (open_tree(2)). A read-only one was never
 * writable, not even for a moment.
 *
 * @param source a path, or a descriptor of what it leads to
 */
export function cloneMount(
  source: string | number,
  { readonly = false, recursive = false }: CloneOptions = {},
): OwnedFd {
  const depth = recursive ? AT_RECURSIVE : 0;
  using undo = new DisposableStack();
  const flags = OPEN_TREE_CLONE | O_CLOEXEC | depth;
  const tree =
    typeof source === 'number'
      ? syscall.openTree(source, '', flags | AT_EMPTY_PATH)
      : syscall.openTree(AT_FDCWD, source, flags);
  const clone = undo.use(ownFd(check('open_tree', String(source), tree)));
  if (readonly) changeMount(clone.fd, { set: MOUNT_ATTR_RDONLY, flags: depth });
  undo.move();
  return clone;
}

/** Puts a clone where `targetFd` is, a directory or a file as the clone is (move_mount(2)). */
export function attachMount(cloneFd: number, targetFd: number): void {
  const flags = MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH;
  const moved = syscall.moveMount({ fd: cloneFd, path: '' }, { fd: targetFd, path: '' }, flags);
  check('move_mount', `descriptor ${targetFd}`, moved);
}

/** Makes the mount that `fd` is the root of, and those below it, propagate no further. */
export function makePrivate(fd: number): void {
  changeMount(fd, { propagation: MountFlag.private, flags: AT_RECURSIVE });
}

/** Makes the mount that `fd` is the root of read-only, but not those below it. */
export function makeReadonly(fd: number): void {
  changeMount(fd, { set: MOUNT_ATTR_RDONLY, flags: 0 });
}

interface MountChange {
  readonly set?: number;
  readonly propagation?: number;
  readonly flags: number;
}

/** mount_setattr(2); struct mount_attr is set, clear, propagation and user namespace, 64 bits each. */
function changeMount(fd: number, { set = 0, propagation = 0, flags }: MountChange): void {
  const attributes = Buffer.alloc(32);
  attributes.writeBigUInt64LE(BigInt(set), 0);
  attributes.writeBigUInt64LE(BigInt(propagation), 16);
  const changed = syscall.mountSetattr(fd, '', AT_EMPTY_PATH | flags, attributes);
  check('mount_setattr', `descriptor ${fd}`, changed);
}

export interface TmpfsOptions extends Pick<FilesystemOptions, 'source' | 'flags'> {
  /** Half of the memory by default. */
  readonly sizeBytes?: number;
  /** Permissions of its root; 01777 by default. */
  readonly mode?: number;
}

/** Mounts a fresh tmpfs(5). */
export function mountTmpfs(target: string, { sizeBytes, mode, ...others }: TmpfsOptions = {}): void {
  const data: string[] = [];
  if (sizeBytes !== undefined) data.push(`size=${sizeBytes}`);
  if (mode !== undefined) data.push(`mode=${mode.toString(8)}`);
  mountFilesystem('tmpfs', target, { ...others, data: data.join(',') });
}

export interface FilesystemOptions {
  /** What lists of mounts show; its type by default. */
  readonly source?: string;
  /** A sum of {@link MountFlag}. */
  readonly flags?: number;
  /** Options of the file system; the kernel cuts them at 4 KB. */
  readonly data?: string;
}

/** The classic mount(2) of a file system without a device. */
export function mountFilesystem(type: string, target: string, options: FilesystemOptions = {}): void {
  const { source = type, flags = 0, data = '' } = options;
  check('mount', target, libc.mount(source, target, type, flags, data));
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
