import { closeSync, openSync } from 'node:fs';
import { unlessErrno } from '#base/errno.ts';
import { EngineError } from '#base/errors.ts';

/** FD_SETSIZE (<sys/select.h>): select(2) knows only descriptors below it, and glibc aborts the process for others. */
const FD_SETSIZE = 1024;

/** One is enough for what is closed soon. The others are for what stays open, and for other threads at the limit. */
const RESERVE_SIZE = 8;

/** A thread may take the number that was made free for the caller; it will not do so every time. */
const MAXIMUM_ATTEMPTS = 8;

/** Descriptors that stand for nothing: they keep low numbers free for {@link openLow}. */
const reserve: number[] = [];

/** What opens one descriptor that stays open, in a way that does not tell its number. */
export interface LowOpener<Opened> {
  /** What is opened, for messages. */
  readonly subject: string;
  readonly open: () => Opened;
  /** True if `fd` is what `open` has opened, and not the file of another thread. */
  readonly isAt: (opened: Opened, fd: number) => boolean;
  readonly close: (opened: Opened) => void;
}

/**
 * Opens something that a library waits for with select(2): its descriptor is below 1024 however many are open. The
 * kernel gives out the lowest free number, so where that is too high, one from a reserve is closed just before. The
 * reserve is filled at the first call, which should therefore come early in the life of a process.
 *
 * @throws {EngineError} `exhausted` if no low number can be had; nothing is open then
 */
export function openLow<Opened>(opener: LowOpener<Opened>): { readonly opened: Opened; readonly fd: number } {
  for (let attempt = 1; attempt <= MAXIMUM_ATTEMPTS; attempt++) {
    const fd = freeLowNumber();
    if (fd === undefined) break;
    try {
      const opened = opener.open();
      if (opener.isAt(opened, fd)) return { opened, fd };
      opener.close(opened);
    } finally {
      fillReserve();
    }
  }
  throw new EngineError(
    'exhausted',
    `Cannot open ${opener.subject}: every descriptor below ${FD_SETSIZE} is in use`,
  );
}

/** Keeps low numbers for later; what has no more than that is left as it is. */
export function fillReserve(): void {
  while (reserve.length < RESERVE_SIZE) {
    const fd = openNothing();
    if (fd === undefined) return;
    if (fd >= FD_SETSIZE) return closeSync(fd);
    reserve.push(fd);
  }
}

/**
 * Makes sure that one more descriptor can be opened, from the reserve if this process may have no more: for libraries
 * that end the process otherwise. Call {@link fillReserve} afterwards.
 *
 * @throws {EngineError} `exhausted` if that is not possible
 */
export function ensureFreeDescriptor(subject: string): void {
  const fd = openNothing();
  if (fd !== undefined) return closeSync(fd);
  if (reserve.length === 0) {
    throw new EngineError('exhausted', `Cannot use ${subject}: this process may open no more descriptors`);
  }
  closeReserve();
}

/** The number that the next descriptor gets, unless another thread is faster. */
function freeLowNumber(): number | undefined {
  const fd = openNothing();
  if (fd === undefined) return closeReserve();
  closeSync(fd);
  if (fd < FD_SETSIZE) return fd;
  const reserved = reserve.pop();
  if (reserved !== undefined) closeSync(reserved);
  return reserved;
}

/** All of it, since other threads that wait for a free number take some at once. Returns the lowest. */
function closeReserve(): number | undefined {
  const closed = reserve.splice(0).toSorted((a, b) => a - b);
  for (const fd of closed) closeSync(fd);
  return closed[0];
}

/** Undefined if this process may have no more descriptors. */
function openNothing(): number | undefined {
  return unlessErrno(() => openSync('/dev/null', 'r'), 'EMFILE');
}
