/** File to socket within the kernel (sendfile(2)): no byte passes through this process. */
import type { KoffiFunc } from 'koffi';
import { EngineError } from '#base/errors.ts';
import { isErrno } from './errno.ts';
import { check, koffi, LIBC, libc } from './libc.ts';
import { F_DUPFD_CLOEXEC } from './constants.ts';
import { closeFd } from './descriptors.ts';
import { onceWritable } from './poll.ts';

/** What one call may move: bounds how long it holds a thread. */
const MAXIMUM_CALL_BYTES = 8 * 1024 * 1024;

type SendFile = KoffiFunc<(out: number, file: number, offset: Buffer, count: number) => number>;
let bound: SendFile | undefined;

function sendfile(): SendFile {
  return (bound ??= koffi().load(LIBC).func('long sendfile(int, int, void*, size_t)'));
}

export interface SendFileRequest {
  /** The descriptor of a socket that does not block. It stays the caller's, who may even close it meanwhile. */
  readonly socketFd: number;
  readonly fileFd: number;
  readonly offset: number;
  readonly lengthBytes: number;
  readonly signal: AbortSignal;
  /** Some bytes went out. */
  readonly onProgress?: () => void;
}

/**
 * Sends a part of a file. Reading from the disk happens on a thread; waiting for the peer needs none.
 *
 * @returns once the kernel has taken all of it, or the file turned out to end before: the bytes sent
 * @throws the signal's reason; `SystemError` (EPIPE, ECONNRESET) if the peer is gone
 */
export async function sendFileRange(request: SendFileRequest): Promise<number> {
  const { fileFd, lengthBytes, signal } = request;
  // The event loop watches the socket already, and a descriptor can be watched only once.
  const fd = check('fcntl', 'socket', libc.fcntl(request.socketFd, F_DUPFD_CLOEXEC, 0));
  try {
    const position = Buffer.alloc(8);
    position.writeBigInt64LE(BigInt(request.offset));
    for (let left = lengthBytes; left > 0; ) {
      signal.throwIfAborted();
      const sent = await sendSome(fd, fileFd, position, Math.min(left, MAXIMUM_CALL_BYTES));
      if (sent === 0) return lengthBytes - left;
      if (sent === 'full') await untilWritable(fd, signal);
      else left -= sent;
      request.onProgress?.();
    }
    return lengthBytes;
  } finally {
    closeFd(fd);
  }
}

/** Advances `position` by what it sent. */
async function sendSome(
  fd: number,
  fileFd: number,
  position: Buffer,
  count: number,
): Promise<number | 'full'> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  sendfile().async(fd, fileFd, position, count, (error, sent) => {
    if (error) reject(new EngineError('internal', 'Cannot send a file', { cause: error }));
    else resolve(sent);
  });
  const sent = await promise;
  // Only this thread's own calls have an errno: what failed there is asked again here.
  return sent >= 0 ? sent : sendHere(fd, fileFd, position, count);
}

function sendHere(fd: number, fileFd: number, position: Buffer, count: number): number | 'full' {
  try {
    return check('sendfile', 'socket', sendfile()(fd, fileFd, position, Math.min(count, 1 << 16)));
  } catch (error) {
    if (isErrno(error, 'EAGAIN')) return 'full';
    throw error;
  }
}

async function untilWritable(fd: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  using _watch = onceWritable(fd, resolve);
  const abort = () => reject(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  try {
    await promise;
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
