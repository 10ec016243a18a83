import { bindLibrary, LIBC } from './libc.ts';

/**
 * System calls for which older C libraries have no function, by number. All of them are of the time when all
 * architectures got the same numbers (Linux 5.2 and later), so that x86-64 and arm64 agree.
 */
export const SYSCALL_NUMBERS = {
  open_tree: 428,
  move_mount: 429,
  fsopen: 430,
  fsconfig: 431,
  fsmount: 432,
  pidfd_open: 434,
  openat2: 437,
  pidfd_getfd: 438,
  mount_setattr: 442,
} as const;

/** syscall(2) in the shapes that the calls above need; on both architectures a variadic call is a plain one. */
interface Shapes {
  numbers(number: number, a: number, b: number, c: number): number;
  fsopen(number: number, type: string, flags: number): number;
  fsconfig(
    n: number,
    fd: number,
    command: number,
    key: string | null,
    value: string | null,
    aux: number,
  ): number;
  move(number: number, fromFd: number, from: string, toFd: number, to: string, flags: number): number;
  at(number: number, fd: number, path: string, flags: number): number;
  openat2(number: number, fd: number, path: string, how: Buffer, size: number): number;
  setattr(number: number, fd: number, path: string, flags: number, value: Buffer, size: number): number;
}

const shapes = bindLibrary<Shapes>(LIBC, {
  numbers: 'long syscall(long, long, long, long)',
  fsopen: 'long syscall(long, const char*, long)',
  fsconfig: 'long syscall(long, long, long, const char*, const char*, long)',
  move: 'long syscall(long, long, const char*, long, const char*, long)',
  at: 'long syscall(long, long, const char*, long)',
  openat2: 'long syscall(long, long, const char*, const void*, size_t)',
  setattr: 'long syscall(long, long, const char*, long, const void*, size_t)',
});

/** A path below an open directory, as the `at` calls take it. */
export interface PathAt {
  readonly fd: number;
  readonly path: string;
}

/** The calls themselves (man 2 of the same names); -1 and errno on failure, for `check`. */
export const syscall = {
  fsopen: (type: string, flags: number) => shapes.fsopen(SYSCALL_NUMBERS.fsopen, type, flags),
  fsconfig: (fd: number, command: number, key: string | null, value: string | null) =>
    shapes.fsconfig(SYSCALL_NUMBERS.fsconfig, fd, command, key, value, 0),
  fsmount: (fd: number, flags: number, attributes: number) =>
    shapes.numbers(SYSCALL_NUMBERS.fsmount, fd, flags, attributes),
  moveMount: (from: PathAt, to: PathAt, flags: number) =>
    shapes.move(SYSCALL_NUMBERS.move_mount, from.fd, from.path, to.fd, to.path, flags),
  openTree: (fd: number, path: string, flags: number) =>
    shapes.at(SYSCALL_NUMBERS.open_tree, fd, path, flags),
  mountSetattr: (fd: number, path: string, flags: number, attributes: Buffer) =>
    shapes.setattr(SYSCALL_NUMBERS.mount_setattr, fd, path, flags, attributes, attributes.length),
  openat2: (fd: number, path: string, how: Buffer) =>
    shapes.openat2(SYSCALL_NUMBERS.openat2, fd, path, how, how.length),
  pidfdOpen: (pid: number, flags: number) => shapes.numbers(SYSCALL_NUMBERS.pidfd_open, pid, flags, 0),
  pidfdGetfd: (pidfd: number, fd: number) => shapes.numbers(SYSCALL_NUMBERS.pidfd_getfd, pidfd, fd, 0),
} as const;
