import { readFileSync } from 'node:fs';
import { unlessErrno } from '#base/errno.ts';
import { closeFd } from './descriptors.ts';
import { check, libc } from './libc.ts';
import { onceReadable } from './poll.ts';
import { signalName } from '#base/signals.ts';
import { syscall } from './syscalls.ts';

/** How a process ended. `code` is 128 + the signal's number if a signal ended it, as shells report it. */
export interface ExitStatus {
  readonly code: number;
  readonly signal?: number;
}

/** Waits for the end of one process; disposing it stops the waiting, not the process. */
export interface ProcessWatch extends Disposable {
  /**
   * Resolves when the process has ended: with its status if it was our child (it is reaped then), with undefined if
   * it was not, had ended before the watch began, or the watch was disposed. Never rejects.
   */
  readonly exited: Promise<ExitStatus | undefined>;
}

/**
 * Watches a process, a child of ours or not, through a pidfd on the event loop: no thread, no polling. Keeps the
 * loop alive until the process ends or the watch is disposed. A child whose watch is disposed stays a zombie after
 * its end until it is watched again.
 */
export function watchExit(pid: number): ProcessWatch {
  const { promise, resolve } = Promise.withResolvers<ExitStatus | undefined>();
  const pidfd = tryPidfdOpen(pid);
  if (pidfd === undefined) return { exited: Promise.resolve(undefined), [Symbol.dispose]: () => {} };
  const stack = new DisposableStack();
  stack.defer(() => closeFd(pidfd));
  stack.use(
    onceReadable(pidfd, () => {
      if (stack.disposed) return;
      stack.dispose();
      resolve(reap(pid));
    }),
  );
  return {
    exited: promise,
    [Symbol.dispose]: () => {
      stack.dispose();
      resolve(undefined);
    },
  };
}

function tryPidfdOpen(pid: number): number | undefined {
  return unlessErrno(() => pidfdOpen(pid), 'ESRCH');
}

/** <sys/wait.h> */
const WNOHANG = 1;

function reap(pid: number): ExitStatus | undefined {
  const status = Buffer.alloc(4);
  if (libc.waitpid(pid, status, WNOHANG) !== pid) return undefined;
  return decodeWaitStatus(status.readInt32LE(0));
}

/** The status word of waitpid(2): the low seven bits are the signal, the next byte the exit code. */
export function decodeWaitStatus(status: number): ExitStatus {
  const signal = status & 0x7f;
  return signal === 0 ? { code: (status >> 8) & 0xff } : { code: 128 + signal, signal };
}

/**
 * A descriptor that refers to a process whatever becomes of its number (pidfd_open(2)); the caller closes it.
 *
 * @throws {SystemError} `not-found` if there is no such process
 */
export function pidfdOpen(pid: number): number {
  return check('pidfd_open', String(pid), syscall.pidfdOpen(pid, 0));
}

/**
 * Duplicates a descriptor of another process (pidfd_getfd(2)), close-on-exec; needs the right to trace it.
 *
 * @throws {SystemError} `EBADF` if it has no such descriptor, `not-found` if the process has ended
 */
export function pidfdGetFd(pidfd: number, fd: number): number {
  return check('pidfd_getfd', String(fd), syscall.pidfdGetfd(pidfd, fd));
}

/**
 * Sends a signal (kill(2)); a negative pid means a process group, signal 0 only asks.
 *
 * @throws {SystemError} `not-found` if there is no such process
 */
export function sendSignal(pid: number, signal: number): void {
  const result = libc.kill(pid, signal);
  check('kill', signal === 0 ? String(pid) : `${pid} with ${signalName(signal)}`, result);
}

/**
 * When a process started: an opaque text that, together with its pid, names it for as long as the machine is up
 * (field 22 of /proc/PID/stat, proc_pid_stat(5)); undefined if there is no such process.
 */
export function processStartTime(pid: number): string | undefined {
  return readStat(pid)?.startTime;
}

/** The process that a process is a child of; undefined if there is no such process. */
export function parentOf(pid: number): number | undefined {
  return readStat(pid)?.parent;
}

/** <linux/sched.h>, PF_FORKNOEXEC: forked, but executed nothing yet. */
const FORKED_WITHOUT_EXEC = 0x40;

/** What a living process executes. */
export interface Execution {
  /** False: it was forked, and still executes what its parent does. */
  readonly hasExecuted: boolean;
  /** 15 bytes at most (`comm`, proc_pid_stat(5)). */
  readonly name: string;
}

/** Undefined if there is no such process, or if it has ended. */
export function executionOf(pid: number): Execution | undefined {
  const stat = readStat(pid);
  if (!stat || hasEnded(stat)) return undefined;
  return { hasExecuted: (stat.flags & FORKED_WITHOUT_EXEC) === 0, name: stat.name };
}

/** True if the process runs. A zombie does not, nor one that started at another time than `startTime`. */
export function isAlive(pid: number, startTime?: string): boolean {
  const stat = readStat(pid);
  if (!stat || hasEnded(stat)) return false;
  return startTime === undefined || stat.startTime === startTime;
}

/**
 * Sends a signal to a process that may have ended, or end now.
 *
 * @param startTime see {@link processStartTime}: another process with its number gets nothing
 */
export function signalIfAlive(pid: number, signal: number, startTime?: string): void {
  if (!isAlive(pid, startTime)) return;
  unlessErrno(() => sendSignal(pid, signal), 'ESRCH');
}

function hasEnded({ state }: ProcessStat): boolean {
  return state === 'Z' || state === 'X';
}

interface ProcessStat {
  readonly name: string;
  readonly state: string;
  readonly parent: number;
  readonly flags: number;
  readonly startTime: string;
}

function readStat(pid: number): ProcessStat | undefined {
  return unlessErrno(() => parseStat(readFileSync(`/proc/${pid}/stat`, 'latin1')), 'ENOENT', 'ESRCH');
}

/** The second field, the command in parentheses, may itself contain blanks and parentheses. */
export function parseStat(text: string): ProcessStat | undefined {
  const nameEnd = text.lastIndexOf(')');
  const fields = text.slice(nameEnd + 2).split(' ');
  const [state, parent, flags, startTime] = [fields[0], fields[1], fields[6], fields[19]];
  if (state === undefined || startTime === undefined) return undefined;
  const name = text.slice(text.indexOf('(') + 1, nameEnd);
  return { name, state, parent: Number(parent), flags: Number(flags), startTime };
}
