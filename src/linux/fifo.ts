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

/**
 * Opens a FIFO for writing; opening does not wait. Writes by a child will block, as programs expect; in this process
 * hand it to {@link writeStream}.
 *
 * @throws Node's ENXIO if no process has the FIFO open for reading
 */
export function openFifoWriter(path: string): number {
  const fd = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
  setBlocking(fd, true);
  return fd;
}

/** What a pipe's first read may bring; most processes print less. */
const FIRST_READ_BYTES = 1 << 12;
/** What one read may bring once a process prints much. */
const LARGEST_READ_BYTES = 1 << 18;

/** Memory for the reads of one pipe: little at first, more when reads fill it; what a read leaves serves the next. */
class ReadMemory {
  #sizeBytes = FIRST_READ_BYTES;
  free: Buffer = Buffer.allocUnsafe(FIRST_READ_BYTES);

  take(bytes: number): Buffer {
    const taken = this.free.subarray(0, bytes);
    this.free = this.free.subarray(bytes);
    if (this.free.length === 0) this.#sizeBytes = Math.min(this.#sizeBytes * 4, LARGEST_READ_BYTES);
    if (this.free.length * 4 < this.#sizeBytes) this.free = Buffer.allocUnsafe(this.#sizeBytes);
    return taken;
  }
}

/**
 * A readable stream over a pipe on the event loop; owns the descriptor. Chunks come as `data` events of up to 256 KiB
 * and belong to the listener; nothing is buffered in the stream.
 */
export function readStream(fd: number): Socket {
  const memory = new ReadMemory();
  const callback = (bytes: number) => stream.emit('data', memory.take(bytes));
  const onread = { buffer: () => memory.free, callback };
  const stream: Socket = new Socket({ fd, readable: true, writable: false, onread });
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
