import { writeSync } from 'node:fs';
import { errnoOf } from '#base/errno.ts';
import { isTerminal } from './terminal/is-terminal.ts';

/** A standard stream to write to. Writes are synchronous: what was written is out when the process exits. */
export interface Output {
  readonly fd: number;
  readonly isTerminal: boolean;
  write(data: string | Uint8Array): void;
}

/** The reader of this stream is gone: the program ends as if by SIGPIPE. */
export class ReaderGone extends Error {
  override readonly name = 'ReaderGone';
}

export function createOutput(fd: number): Output {
  return { fd, isTerminal: isTerminal(fd), write: (data) => writeAll(fd, data) };
}

function writeAll(fd: number, data: string | Uint8Array): void {
  let rest = typeof data === 'string' ? Buffer.from(data) : data;
  while (rest.length > 0) rest = rest.subarray(writeSome(fd, rest));
}

function writeSome(fd: number, bytes: Uint8Array): number {
  try {
    return writeSync(fd, bytes);
  } catch (error) {
    const code = errnoOf(error);
    if (code === 'EPIPE') throw new ReaderGone('Cannot write: the reader is gone', { cause: error });
    if (code !== 'EAGAIN') throw error;
    // Another process made this shared description non-blocking; nothing synchronous tells when it takes more.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
    return 0;
  }
}
