import { constants, openSync } from 'node:fs';
import { unlessErrno } from '#base/errno.ts';
import { AT_FDCWD, AT_SYMLINK_NOFOLLOW, O_CLOEXEC, O_PATH } from './constants.ts';
import { closeFd, ownFd } from './descriptors.ts';
import { isErrno } from './errno.ts';
import { check, libc, placeOf } from './libc.ts';
import { syscall } from './syscalls.ts';

/**
 * Creates a device node, FIFO, socket or empty file (mknod(2)); `mode` carries the type (S_IFCHR, …), the umask
 * applies. A character device 0:0 is overlay's whiteout.
 */
export function makeNode(path: string | Buffer, mode: number, major: number, minor: number): void {
  check('mknod', path.toString(), libc.mknod(placeOf(path), mode, deviceNumber(major, minor)));
}

/** glibc's encoding of a device number below 2^32 (makedev(3)). */
function deviceNumber(major: number, minor: number): number {
  return (minor & 0xff) + (major & 0xfff) * 0x100 + (minor >>> 8) * 0x100000;
}

/** Splits `st_rdev` (stat(2)) into major and minor. */
export function splitDeviceNumber(device: number): { readonly major: number; readonly minor: number } {
  return { major: (device >>> 8) & 0xfff, minor: (device & 0xff) | ((device >>> 12) & 0xfff00) };
}

/** Nanoseconds since 1970 (utimensat(2)); Node's own functions lose the digits below a microsecond. */
export function setTimes(
  path: string | Buffer,
  atimeNs: bigint,
  mtimeNs: bigint,
  options: { readonly followSymlinks?: boolean } = {},
): void {
  const flags = options.followSymlinks ? 0 : AT_SYMLINK_NOFOLLOW;
  check(
    'utimensat',
    path.toString(),
    libc.utimensat(AT_FDCWD, placeOf(path), encodeTimes(atimeNs, mtimeNs), flags),
  );
}

/** The same of an open file (futimens(3)). */
export function setTimesOf(fd: number, atimeNs: bigint, mtimeNs: bigint): void {
  check('utimensat', `descriptor ${fd}`, libc.utimensat(fd, null, encodeTimes(atimeNs, mtimeNs), 0));
}

const NANOSECONDS = 1_000_000_000n;

/** struct timespec[2]: seconds may be negative, nanoseconds not. */
function encodeTimes(...times: readonly bigint[]): Buffer {
  const buffer = Buffer.alloc(times.length * 16);
  for (const [index, time] of times.entries()) {
    const rest = ((time % NANOSECONDS) + NANOSECONDS) % NANOSECONDS;
    buffer.writeBigInt64LE((time - rest) / NANOSECONDS, index * 16);
    buffer.writeBigInt64LE(rest, index * 16 + 8);
  }
  return buffer;
}

/** Writes everything of the file system that `fd` is on to its device (syncfs(2)): may take seconds. */
export function syncFilesystem(fd: number): void {
  check('syncfs', `descriptor ${fd}`, libc.syncfs(fd));
}

const FALLOC_FL_KEEP_SIZE = 1;

/**
 * Sets aside `bytes` of the disk behind the end of a file of `size` bytes, whose size stays: it can grow into them
 * when nothing else is free (fallocate(2)). Does nothing where there is no such room, or the file system cannot.
 */
export function reserveBehind(fd: number, size: number, bytes: number): void {
  const reserve = () =>
    check('fallocate', `descriptor ${fd}`, libc.fallocate(fd, FALLOC_FL_KEEP_SIZE, size, bytes));
  unlessErrno(reserve, 'ENOSPC', 'EDQUOT', 'EOPNOTSUPP', 'ENOSYS', 'EINTR');
}

/** A descriptor of a directory, for {@link openInRoot} and the like; the caller closes it. */
export function openDirectory(path: string): number {
  return openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
}

/** <linux/openat2.h> */
const RESOLVE_NO_XDEV = 0x01;
const RESOLVE_NO_MAGICLINKS = 0x02;
const RESOLVE_IN_ROOT = 0x10;
const RESOLVE_CACHED = 0x20;
/** How often to ask again: the kernel gives up where a rename races with `..`. */
const OPEN_ATTEMPTS = 64;

/**
 * Opens `path` as a process would whose root is `rootFd`: absolute paths, `..` and symbolic links stay inside,
 * whatever happens in there meanwhile (openat2(2), RESOLVE_IN_ROOT). Close-on-exec; the caller closes it.
 *
 * @param flags of `fs.constants`; `mode` only with O_CREAT
 */
export function openInRoot(rootFd: number, path: string, flags: number, mode = 0): number {
  return resolve(rootFd, path, { flags, mode, rules: RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS });
}

/**
 * The same, and `EXDEV` where the path leads onto another mount: what is opened is on the file system that `rootFd` is
 * on. With O_PATH this waits for that file system alone.
 */
export function openOnMount(rootFd: number, path: string, flags: number): number {
  const rules = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV;
  return resolve(rootFd, path, { flags, mode: 0, rules });
}

/** Mounts of the host itself, whose file systems answer at once or with the engine's own disk. */
const OWN_MOUNTS = ['/dev', '/'] as const;

/**
 * True if `path`, links followed, certainly exists on the file system of `/` or in /dev; found without waiting for
 * anything (RESOLVE_CACHED). False means that only a look at the file system can tell.
 */
export function isKnownToExist(path: string): boolean {
  const mount = OWN_MOUNTS.find((mount) => path.startsWith(`${mount}/`)) ?? '/';
  using root = ownFd(openSync(mount, O_PATH | constants.O_DIRECTORY));
  const rules = RESOLVE_CACHED | RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS;
  const resolution = { flags: O_PATH, mode: 0, rules };
  const fd = openWithRules(root.fd, path.slice(mount.length).replace(/^\/+/, '') || '.', resolution);
  if (fd < 0) return false;
  closeFd(fd);
  return true;
}

interface Resolution {
  readonly flags: number;
  readonly mode: number;
  readonly rules: number;
}

function resolve(rootFd: number, path: string, resolution: Resolution): number {
  for (let attempt = 1; ; attempt++) {
    try {
      return check('openat2', path, openWithRules(rootFd, path, resolution));
    } catch (error) {
      if (!isErrno(error, 'EAGAIN', 'EINTR') || attempt === OPEN_ATTEMPTS) throw error;
    }
  }
}

/** struct open_how (openat2(2)): flags, mode and rules of resolution, 64 bits each. */
function openWithRules(rootFd: number, path: string, { flags, mode, rules }: Resolution): number {
  const how = Buffer.alloc(24);
  how.writeBigUInt64LE(BigInt(flags | O_CLOEXEC), 0);
  how.writeBigUInt64LE(BigInt(flags & constants.O_CREAT ? mode : 0), 8);
  how.writeBigUInt64LE(BigInt(rules), 16);
  return syscall.openat2(rootFd, path === '' ? '/' : path, how);
}

/** <unistd.h> */
const SEEK_DATA = 3;
const SEEK_HOLE = 4;

/**
 * The first offset at or after `offset` that holds data (lseek(2)); undefined if only a hole follows. Moves the
 * position.
 */
export function seekData(fd: number, offset: number): number | undefined {
  return unlessErrno(() => check('lseek', `descriptor ${fd}`, libc.lseek(fd, offset, SEEK_DATA)), 'ENXIO');
}

/** The first offset at or after `offset` that is in a hole; the end of the file counts as one. Moves the position. */
export function seekHole(fd: number, offset: number): number {
  return check('lseek', `descriptor ${fd}`, libc.lseek(fd, offset, SEEK_HOLE));
}
