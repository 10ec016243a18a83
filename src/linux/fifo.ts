import { closeSync, constants, openSync } from 'node:fs';
import { Socket } from 'node:net';
import { F_SETPIPE_SZ } from './constants.ts';
import { setBlocking } from './descriptors.ts';
import { check, libc } from './libc.ts';

/**
 * Creates a named pipe (mkfifo(3)); the umask applies.
 *
 * @throws {SystemError} `conflict` if the path exists
 */
export function makeFifo(path: string, mode = 0o600): void {
  check('mkfifo', path, libc.mkfifo(path, mode));
}

/**
 * Opens a FIFO for reading from the event loop, without waiting for a writer. Its end is seen also if all writers
 * had left before (fifo(7)): a writer is opened and closed once. On a fresh FIFO, therefore, open the writer before
 * reading, or the reader is at the end at once.
 */
export function openFifoReader(path: string): number {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    closeSync(openSync(path, constants.O_WRONLY | constants.O_NONBLOCK));
  } catch (error) {
    closeSync(fd);
    throw error;
  }
  return fd;
}

/** Opens a FIFO to be a child's standard input: reads will block, opening does not. */
export function openFifoInput(path: string): number {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  setBlocking(fd, true);
  return fd;
}

/**
 * Opens a FIFO for writing; opening does not wait. Writes by a child will block, as programs expect; in this process
 * hand it to {@link writeStream}.
 *
 * @throws Node's ENXIO if nobody has the FIFO open for reading
 */
export function openFifoWriter(path: string): number {
  const fd = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
  setBlocking(fd, true);
  return fd;
}

/** A readable stream over a pipe on the event loop; owns the descriptor. */
export function readStream(fd: number): Socket {
  return new Socket({ fd, readable: true, writable: false });
}

/** A writable stream over a pipe on the event loop; owns the descriptor, and makes it non-blocking. */
export function writeStream(fd: number): Socket {
  return new Socket({ fd, readable: false, writable: true });
}

/**
 * Sets the capacity of a pipe (F_SETPIPE_SZ, fcntl(2)) and returns what it became, rounded up to a power of two.
 *
 * @throws {SystemError} `conflict` if it holds more than that, `forbidden` above the user's limit
 */
export function setPipeSize(fd: number, bytes: number): number {
  return check('fcntl', `pipe ${fd}`, libc.fcntl(fd, F_SETPIPE_SZ, bytes));
}
