import { getSystemErrorMessage } from 'node:util';
import { errnoOf } from '#base/errno.ts';
import { EngineError, type ErrorCode } from '#base/errors.ts';

/** The description of a failed system call; `errno` is the symbolic name (`ENOENT`). */
export interface SystemFailure {
  readonly errno: string;
  /** The kernel's or libc's words for `errno`. */
  readonly description: string;
  readonly syscall: string;
  /** What the call was about: a path, a process, a link. */
  readonly subject: string;
  /** The verb of the message; by default the one that belongs to `syscall`. */
  readonly action?: string | undefined;
  /** Further text from the kernel (extended netlink acknowledgements, the log of a file system context). */
  readonly detail?: string | undefined;
}

/**
 * A system call that failed. Its `code` follows from its `errno`, so that callers who do not care about the
 * difference between, say, EEXIST and EBUSY branch on `code` alone.
 */
export class SystemError extends EngineError {
  override readonly name: string = 'SystemError';
  readonly errno: string;
  readonly syscall: string;
  override readonly subject: string;

  constructor(failure: SystemFailure) {
    super(codeOfErrno(failure.errno), formatMessage(failure));
    this.errno = failure.errno;
    this.syscall = failure.syscall;
    this.subject = failure.subject;
  }
}

const CODES: Readonly<Record<string, ErrorCode>> = {
  ENOENT: 'not-found',
  ESRCH: 'not-found',
  ENODEV: 'not-found',
  ENODATA: 'not-found',
  EEXIST: 'conflict',
  EBUSY: 'conflict',
  ENOTEMPTY: 'conflict',
  EADDRINUSE: 'conflict',
  EACCES: 'forbidden',
  EPERM: 'forbidden',
  EROFS: 'forbidden',
  ENOSPC: 'exhausted',
  EDQUOT: 'exhausted',
  EMFILE: 'exhausted',
  ENFILE: 'exhausted',
  EXFULL: 'exhausted',
  ENOMEM: 'exhausted',
  EINVAL: 'invalid',
  ENAMETOOLONG: 'invalid',
  ELOOP: 'invalid',
  ENOTDIR: 'invalid',
  EISDIR: 'invalid',
  ENOSYS: 'not-implemented',
  EOPNOTSUPP: 'not-implemented',
  EAGAIN: 'unavailable',
  ENXIO: 'unavailable',
  ETIMEDOUT: 'unavailable',
};

/** The engine's code for a symbolic errno. */
export function codeOfErrno(errno: string): ErrorCode {
  return CODES[errno] ?? 'internal';
}

/** True if `error` is a failed system call, ours or one of Node's own, with one of the given errno names. */
export function isErrno(error: unknown, ...names: string[]): boolean {
  return names.includes(errnoOf(error));
}

/** A system call that failed in Node's own functions; undefined for other errors. */
export function systemErrorOf(error: unknown): SystemError | undefined {
  if (!(error instanceof Error) || !('syscall' in error) || !('errno' in error)) return undefined;
  const subject = 'path' in error ? String(error.path) : 'a file';
  const description = getSystemErrorMessage(Number(error.errno));
  return new SystemError({ errno: errnoOf(error), syscall: String(error.syscall), subject, description });
}

const ACTIONS: Readonly<Record<string, string>> = {
  accept4: 'accept a connection on',
  bind: 'listen on',
  chdir: 'enter',
  chroot: 'enter',
  chmod: 'set the mode of',
  chown: 'set the owner of',
  close: 'close descriptor',
  fsconfig: 'mount',
  fsmount: 'mount',
  fsopen: 'mount',
  getxattr: 'read attribute',
  kill: 'signal process',
  lgetxattr: 'read attribute',
  link: 'create',
  listen: 'listen on',
  llistxattr: 'list the attributes of',
  lseek: 'seek in',
  lsetxattr: 'set attribute',
  lstat: 'inspect',
  mkdir: 'create',
  mkfifo: 'create FIFO',
  mknod: 'create node',
  mount: 'mount',
  mount_setattr: 'change mount',
  move_mount: 'mount',
  open: 'open',
  open_tree: 'mount',
  openat2: 'open',
  pidfd_getfd: 'take descriptor',
  pidfd_open: 'open process',
  pivot_root: 'enter',
  posix_openpt: 'open',
  posix_spawn: 'start',
  readlink: 'read',
  recvmsg: 'receive from',
  rm: 'remove',
  rmdir: 'remove',
  scandir: 'list',
  setns: 'enter namespace',
  stat: 'inspect',
  statx: 'inspect',
  symlink: 'create',
  syncfs: 'sync',
  umount2: 'unmount',
  unlink: 'remove',
  unshare: 'unshare',
  utimensat: 'set the times of',
};

function formatMessage(failure: SystemFailure): string {
  const action = failure.action ?? ACTIONS[failure.syscall] ?? `call ${failure.syscall} on`;
  const detail = failure.detail ? `: ${failure.detail}` : '';
  return `Cannot ${action} ${failure.subject}: ${failure.description} (${failure.errno})${detail}`;
}
