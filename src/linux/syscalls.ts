import { bind } from './libc.ts';

/**
 * System calls for which older C libraries have no function, by number. All of them are newer than the unified
 * numbering (Linux 5.x), so that x86-64 and arm64 agree.
 */
const NUMBERS = {
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

const prefix = 'long syscall(long,';
const variants = {
  /** (int, int, int) */
  numbers: bind<[number, number, number, number], number>('libc.so.6', `${prefix} long, long, long)`),
  /** (string, int) */
  text: bind<[number, string, number], number>('libc.so.6', `${prefix} const char*, long)`),
  /** (fd, int, string, string, int): fsconfig */
  config: bind<[number, number, number, string | null, string | null, number], number>(
    'libc.so.6',
    `${prefix} long, long, const char*, const char*, long)`,
  ),
  /** (fd, string, fd, string, int): move_mount */
  move: bind<[number, number, string, number, string, number], number>(
    'libc.so.6',
    `${prefix} long, const char*, long, const char*, long)`,
  ),
  /** (fd, string, int) */
  at: bind<[number, number, string, number], number>('libc.so.6', `${prefix} long, const char*, long)`),
  /** (fd, string, struct, size): openat2 */
  how: bind<[number, number, string, Buffer, number], number>(
    'libc.so.6',
    `${prefix} long, const char*, void*, long)`,
  ),
  /** (fd, string, int, struct, size): mount_setattr */
  attributes: bind<[number, number, string, number, Buffer, number], number>(
    'libc.so.6',
    `${prefix} long, const char*, long, void*, long)`,
  ),
};

/** Raw calls; every one returns -1 and errno on failure, for `check`. */
export const syscall = {
  fsopen: (type: string, flags: number) => variants.text(NUMBERS.fsopen, type, flags),
  fsconfig: (fd: number, command: number, key: string | null, value: string | null, aux: number) =>
    variants.config(NUMBERS.fsconfig, fd, command, key, value, aux),
  fsmount: (fd: number, flags: number, attributes: number) =>
    variants.numbers(NUMBERS.fsmount, fd, flags, attributes),
  moveMount: (fromFd: number, from: string, toFd: number, to: string, flags: number) =>
    variants.move(NUMBERS.move_mount, fromFd, from, toFd, to, flags),
  openTree: (fd: number, path: string, flags: number) => variants.at(NUMBERS.open_tree, fd, path, flags),
  mountSetattr: (fd: number, path: string, flags: number, attributes: Buffer) =>
    variants.attributes(NUMBERS.mount_setattr, fd, path, flags, attributes, attributes.length),
  openat2: (fd: number, path: string, how: Buffer) =>
    variants.how(NUMBERS.openat2, fd, path, how, how.length),
  pidfdOpen: (pid: number, flags: number) => variants.numbers(NUMBERS.pidfd_open, pid, flags, 0),
  pidfdGetfd: (pidfd: number, fd: number) => variants.numbers(NUMBERS.pidfd_getfd, pidfd, fd, 0),
} as const;
