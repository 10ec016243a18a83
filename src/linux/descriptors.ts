import { F_GETFL, F_SETFL, O_CLOEXEC } from './constants.ts';
import { constants } from 'node:fs';
import { check, libc } from './libc.ts';

/** Closes a descriptor (close(2)). One that is not open is a bug of the caller and throws. */
export function closeFd(fd: number): void {
  check('close', String(fd), libc.close(fd));
}

/** A descriptor that is closed when it goes out of scope: `using root = ownFd(openDirectory(path))`. */
export interface OwnedFd extends Disposable {
  readonly fd: number;
}

/** Makes a descriptor owned: disposing the result closes it. */
export function ownFd(fd: number): OwnedFd {
  return { fd, [Symbol.dispose]: () => closeFd(fd) };
}

/** A pipe (pipe2(2)), close-on-exec; the caller closes its ends. */
export function openPipe(): { readonly reader: number; readonly writer: number } {
  const ends = Buffer.alloc(8);
  check('pipe2', 'a pipe', libc.pipe2(ends, O_CLOEXEC));
  return { reader: ends.readInt32LE(0), writer: ends.readInt32LE(4) };
}

/** Makes reads and writes block, or not. The flag belongs to the open file, so every holder of it is affected. */
export function setBlocking(fd: number, blocking: boolean): void {
  const flags = check('fcntl', String(fd), libc.fcntl(fd, F_GETFL, 0));
  const wanted = blocking ? flags & ~constants.O_NONBLOCK : flags | constants.O_NONBLOCK;
  if (wanted !== flags) check('fcntl', String(fd), libc.fcntl(fd, F_SETFL, wanted));
}
