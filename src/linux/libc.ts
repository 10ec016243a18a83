import { createRequire } from 'node:module';
import type Koffi from 'koffi';
import { SystemError } from './errno.ts';

/*
 * The C library as this folder sees it. Nothing outside `linux/` imports this file. The foreign function interface
 * is loaded, and each function bound, at its first call: importing costs nothing.
 */

type KoffiModule = typeof Koffi;

const require = createRequire(import.meta.url);
let koffiModule: KoffiModule | undefined;

/** The foreign function interface itself; loading it takes some 10 ms, once in a process. */
export function koffi(): KoffiModule {
  return (koffiModule ??= require('koffi') as KoffiModule);
}

type Bound = (...args: readonly unknown[]) => unknown;

/** Declares a function of a shared library by its C prototype; the library is loaded at the first call. */
export function bind<Parameters extends readonly unknown[], Result>(
  library: string,
  prototype: string,
): (...args: Parameters) => Result {
  let bound: Bound | undefined;
  return (...args) => {
    bound ??= koffi().load(library).func(prototype) as Bound;
    return bound(...args) as Result;
  };
}

/** A function of the C library. `long` results stay numbers: none of them exceeds 2^53. */
function c<Parameters extends readonly unknown[]>(prototype: string): (...args: Parameters) => number {
  return bind('libc.so.6', prototype);
}

type Path = string | null;

/** Functions of glibc, one to one (man 2 and 3 of the same name); -1 and errno are for {@link check}. */
export const libc = {
  accept4: c<[number, null, null, number]>('int accept4(int, void*, void*, int)'),
  bind: c<[number, Buffer, number]>('int bind(int, const void*, unsigned int)'),
  chdir: c<[string]>('int chdir(const char*)'),
  chroot: c<[string]>('int chroot(const char*)'),
  close: c<[number]>('int close(int)'),
  copyFileRange: c<[number, null, number, null, number, number]>(
    'long copy_file_range(int, void*, int, void*, size_t, unsigned int)',
  ),
  fallocate: c<[number, number, number, number]>('int fallocate(int, int, long, long)'),
  fchdir: c<[number]>('int fchdir(int)'),
  fcntl: c<[number, number, number]>('int fcntl(int, int, long)'),
  grantpt: c<[number]>('int grantpt(int)'),
  ioctl: c<[number, number, Buffer]>('int ioctl(int, unsigned long, void*)'),
  ioctlValue: c<[number, number, number]>('int ioctl(int, unsigned long, long)'),
  kill: c<[number, number]>('int kill(int, int)'),
  lchown: c<[string, number, number]>('int lchown(const char*, unsigned int, unsigned int)'),
  lgetxattr: c<[string, string, Buffer | null, number]>(
    'long lgetxattr(const char*, const char*, void*, size_t)',
  ),
  listen: c<[number, number]>('int listen(int, int)'),
  llistxattr: c<[string, Buffer | null, number]>('long llistxattr(const char*, void*, size_t)'),
  lremovexattr: c<[string, string]>('int lremovexattr(const char*, const char*)'),
  lseek: c<[number, number, number]>('long lseek(int, long, int)'),
  lsetxattr: c<[string, string, Buffer, number, number]>(
    'int lsetxattr(const char*, const char*, const void*, size_t, int)',
  ),
  mkfifo: c<[string, number]>('int mkfifo(const char*, unsigned int)'),
  mknod: c<[string, number, number]>('int mknod(const char*, unsigned int, unsigned long)'),
  mount: c<[Path, string, Path, number, Path]>(
    'int mount(const char*, const char*, const char*, unsigned long, const char*)',
  ),
  posixOpenpt: c<[number]>('int posix_openpt(int)'),
  prctl: c<[number, number, number, number, number]>(
    'int prctl(int, unsigned long, unsigned long, unsigned long, unsigned long)',
  ),
  ptsname: c<[number, Buffer, number]>('int ptsname_r(int, void*, size_t)'),
  read: c<[number, Buffer, number]>('long read(int, void*, size_t)'),
  recv: c<[number, Buffer, number, number]>('long recv(int, void*, size_t, int)'),
  recvmsg: c<[number, Buffer, number]>('long recvmsg(int, void*, int)'),
  renameat2: c<[number, string, number, string, number]>(
    'int renameat2(int, const char*, int, const char*, unsigned int)',
  ),
  send: c<[number, Buffer, number, number]>('long send(int, const void*, size_t, int)'),
  setns: c<[number, number]>('int setns(int, int)'),
  setsockopt: c<[number, number, number, Buffer, number]>(
    'int setsockopt(int, int, int, const void*, unsigned int)',
  ),
  socket: c<[number, number, number]>('int socket(int, int, int)'),
  statx: c<[number, string, number, number, Buffer]>('int statx(int, const char*, int, unsigned int, void*)'),
  syncfs: c<[number]>('int syncfs(int)'),
  umask: c<[number]>('unsigned int umask(unsigned int)'),
  umount2: c<[string, number]>('int umount2(const char*, int)'),
  unlockpt: c<[number]>('int unlockpt(int)'),
  unshare: c<[number]>('int unshare(int)'),
  utimensat: c<[number, string, Buffer, number]>('int utimensat(int, const char*, const void*, int)'),
  waitpid: c<[number, Buffer | null, number]>('int waitpid(int, void*, int)'),
} as const;

/** The calling thread's errno: valid only right after the call that failed. */
export function lastErrno(): number {
  return koffi().errno();
}

/** Passes a result through; throws if it is negative, with errno, which is why it must follow the call at once. */
export function check(syscall: string, subject: string, result: number, detail?: () => string): number {
  if (result >= 0) return result;
  const errno = lastErrno();
  throw systemError(errno, { syscall, subject, detail: detail?.() });
}

const errorName = bind<[number], string | null>('libc.so.6', 'const char* strerrorname_np(int)');
const errorDescription = bind<[number], string | null>('libc.so.6', 'const char* strerrordesc_np(int)');

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
    errno: errorName(errno) ?? `errno ${errno}`,
    description: (errorDescription(errno) ?? 'unknown error').toLowerCase(),
  });
}
