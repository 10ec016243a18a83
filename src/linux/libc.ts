import { createRequire } from 'node:module';
import type Koffi from 'koffi';
import { SystemError } from './errno.ts';

/*
 * The C library as this folder sees it. Nothing outside `linux/` imports this file. The foreign function interface
 * is loaded, and each function bound, at its first use: importing costs nothing.
 */

const require = createRequire(import.meta.url);
let koffiModule: typeof Koffi | undefined;

/** The foreign function interface itself; loading it takes some 10 ms, once in a process. */
export function koffi(): typeof Koffi {
  return (koffiModule ??= require('koffi'));
}

/**
 * The functions of a shared library by their C prototypes. The types are believed: keep each beside its prototype.
 * `long` results are numbers as long as they are below 2^53, which all of ours are.
 */
export function bindLibrary<Functions extends object>(
  library: string,
  prototypes: Readonly<Record<keyof Functions, string>>,
): Functions {
  const functions: Functions = Object.create(null);
  for (const [name, prototype] of Object.entries<string>(prototypes)) {
    const bind = () => {
      const value = koffi().load(library).func(prototype);
      Object.defineProperty(functions, name, { value });
      return value;
    };
    Object.defineProperty(functions, name, { configurable: true, get: bind });
  }
  return functions;
}

export const LIBC = 'libc.so.6';

/** Functions of glibc, one to one (man 2 and 3 of the same name); -1 and errno are for {@link check}. */
interface LibC {
  _exit(status: number): void;
  accept4(fd: number, address: null, length: null, flags: number): number;
  bind(fd: number, address: Buffer, length: number): number;
  chdir(path: string): number;
  chroot(path: string): number;
  close(fd: number): number;
  eventfd(initial: number, flags: number): number;
  fchdir(fd: number): number;
  fcntl(fd: number, command: number, value: number): number;
  getsockopt(fd: number, level: number, option: number, value: Buffer, length: Buffer): number;
  grantpt(fd: number): number;
  ioctl(fd: number, request: number, argument: Buffer): number;
  kill(pid: number, signal: number): number;
  lgetxattr(path: string | Buffer, name: string, value: Buffer | null, size: number): number;
  listen(fd: number, backlog: number): number;
  llistxattr(path: string | Buffer, names: Buffer | null, size: number): number;
  lseek(fd: number, offset: number, whence: number): number;
  lsetxattr(path: string | Buffer, name: string, value: Buffer, size: number, flags: number): number;
  malloc_trim(keepBytes: number): number;
  mkfifo(path: string, mode: number): number;
  mknod(path: string | Buffer, mode: number, device: number): number;
  mount(
    source: string | null,
    target: string,
    type: string | null,
    flags: number,
    data: string | null,
  ): number;
  pipe2(ends: Buffer, flags: number): number;
  pivot_root(newRoot: string, putOld: string): number;
  posix_openpt(flags: number): number;
  ptsname_r(fd: number, path: Buffer, size: number): number;
  read(fd: number, data: Buffer, size: number): number;
  recv(fd: number, data: Buffer, size: number, flags: number): number;
  recvmsg(fd: number, message: Buffer, flags: number): number;
  send(fd: number, data: Buffer, size: number, flags: number): number;
  setns(fd: number, type: number): number;
  setsockopt(fd: number, level: number, option: number, value: Buffer, length: number): number;
  socket(domain: number, type: number, protocol: number): number;
  statx(fd: number, path: string, flags: number, mask: number, result: Buffer): number;
  strerrordesc_np(errno: number): string | null;
  strerrorname_np(errno: number): string | null;
  syncfs(fd: number): number;
  fallocate(fd: number, mode: number, offset: number, length: number): number;
  umask(mode: number): number;
  umount2(target: string, flags: number): number;
  unlockpt(fd: number): number;
  unshare(flags: number): number;
  utimensat(fd: number, path: string | Buffer | null, times: Buffer, flags: number): number;
  waitpid(pid: number, status: Buffer, options: number): number;
}

export const libc = bindLibrary<LibC>(LIBC, {
  _exit: 'void _exit(int)',
  accept4: 'int accept4(int, void*, void*, int)',
  bind: 'int bind(int, const void*, unsigned int)',
  chdir: 'int chdir(const char*)',
  chroot: 'int chroot(const char*)',
  close: 'int close(int)',
  eventfd: 'int eventfd(unsigned int, int)',
  fchdir: 'int fchdir(int)',
  fcntl: 'int fcntl(int, int, long)',
  getsockopt: 'int getsockopt(int, int, int, void*, void*)',
  grantpt: 'int grantpt(int)',
  ioctl: 'int ioctl(int, unsigned long, void*)',
  kill: 'int kill(int, int)',
  lgetxattr: 'long lgetxattr(const char*, const char*, void*, size_t)',
  listen: 'int listen(int, int)',
  llistxattr: 'long llistxattr(const char*, void*, size_t)',
  lseek: 'long lseek(int, long, int)',
  lsetxattr: 'int lsetxattr(const char*, const char*, const void*, size_t, int)',
  malloc_trim: 'int malloc_trim(size_t)',
  mkfifo: 'int mkfifo(const char*, unsigned int)',
  mknod: 'int mknod(const char*, unsigned int, unsigned long)',
  mount: 'int mount(const char*, const char*, const char*, unsigned long, const char*)',
  pipe2: 'int pipe2(void*, int)',
  pivot_root: 'int pivot_root(const char*, const char*)',
  posix_openpt: 'int posix_openpt(int)',
  ptsname_r: 'int ptsname_r(int, void*, size_t)',
  read: 'long read(int, void*, size_t)',
  recv: 'long recv(int, void*, size_t, int)',
  recvmsg: 'long recvmsg(int, void*, int)',
  send: 'long send(int, const void*, size_t, int)',
  setns: 'int setns(int, int)',
  setsockopt: 'int setsockopt(int, int, int, const void*, unsigned int)',
  socket: 'int socket(int, int, int)',
  statx: 'int statx(int, const char*, int, unsigned int, void*)',
  strerrordesc_np: 'const char* strerrordesc_np(int)',
  strerrorname_np: 'const char* strerrorname_np(int)',
  syncfs: 'int syncfs(int)',
  fallocate: 'int fallocate(int, int, int64_t, int64_t)',
  umask: 'unsigned int umask(unsigned int)',
  umount2: 'int umount2(const char*, int)',
  unlockpt: 'int unlockpt(int)',
  unshare: 'int unshare(int)',
  utimensat: 'int utimensat(int, const char*, const void*, int)',
  waitpid: 'int waitpid(int, void*, int)',
});

/** The calling thread's errno: valid only right after the call that failed. */
export function lastErrno(): number {
  return koffi().errno();
}

/** Passes a result through; throws if it is negative, with errno, which is why it must follow the call at once. */
export function check(syscall: string, subject: string, result: number): number {
  if (result >= 0) return result;
  throw systemError(lastErrno(), { syscall, subject });
}

/** What a failed call was about: see {@link SystemError}. */
export interface FailedCall {
  readonly syscall: string;
  readonly subject: string;
  readonly action?: string | undefined;
  readonly detail?: string | undefined;
}

/** The error for an errno number that the caller has at hand (posix_spawn, netlink). */
export function systemError(errno: number, call: FailedCall): SystemError {
  return new SystemError({
    ...call,
    errno: libc.strerrorname_np(errno) ?? `errno ${errno}`,
    description: (libc.strerrordesc_np(errno) ?? 'unknown error').toLowerCase(),
  });
}

/** Names may be no text: those that are bytes are given as C has them. */
export function placeOf(path: string | Buffer): string | Buffer {
  return typeof path === 'string' ? path : Buffer.concat([path, Buffer.alloc(1)]);
}
