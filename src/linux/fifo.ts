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

/** Reads share slabs of memory: large output needs few allocations, small output touches few pages. */
const SLAB_BYTES = 1 << 20;
/** A slab with less room than that is left to its readers. */
const MINIMUM_READ_BYTES = 1 << 16;
const MAXIMUM_READ_BYTES = 1 << 18;

/**
 * A readable stream over a pipe on the event loop; owns the descriptor. Chunks come as `data` events of up to 256 KiB
 * and belong to the listener; nothing is buffered in the stream.
 */
export function readStream(fd: number): Socket {
  let slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
  let used = 0;
  const room = () => {
    if (SLAB_BYTES - used < MINIMUM_READ_BYTES) {
      slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
      used = 0;
    }
    return slab.subarray(used, used + MAXIMUM_READ_BYTES);
  };
  const onData = (bytes: number) => {
    const chunk = slab.subarray(used, used + bytes);
    used += bytes;
    stream.emit('data', chunk);
    return true;
  };
  const stream: Socket = new Socket({
    fd,
    readable: true,
    writable: false,
    onread: { buffer: room, callback: onData },
  });
  return stream;
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
