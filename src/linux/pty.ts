import { constants } from 'node:fs';
import { ReadStream } from 'node:tty';
import { closeFd } from './descriptors.ts';
import { isErrno } from './errno.ts';
import { check, libc } from './libc.ts';
import { O_CLOEXEC } from './constants.ts';

/** <asm-generic/ioctls.h> */
const TCGETS = 0x5401;
const TCSETS = 0x5402;
const TIOCSWINSZ = 0x5414;
/** struct winsize: rows, columns and two unused fields, 16 bits each. */
const WINDOW_SIZE_BYTES = 8;
/**
 * struct termios of the kernel: input, output, control and local modes, 32 bits each, a line discipline, characters.
 */
const TERMIOS_BYTES = 36;
/** <asm-generic/termbits.h>: what cfmakeraw(3) clears and sets. */
const RAW_MODES = [
  { offset: 0, clear: 0x5eb, set: 0 }, // IGNBRK BRKINT PARMRK ISTRIP INLCR IGNCR ICRNL IXON
  { offset: 4, clear: 0x1, set: 0 }, // OPOST
  { offset: 8, clear: 0x130, set: 0x30 }, // PARENB, CSIZE to CS8
  { offset: 12, clear: 0x804b, set: 0 }, // ECHO ECHONL ICANON ISIG IEXTEN
];

/** Sets the size (ioctl_tty(2)); the foreground process gets SIGWINCH if it changed. */
export function setWindowSize(fd: number, rows: number, columns: number): void {
  const size = Buffer.alloc(WINDOW_SIZE_BYTES);
  size.writeUInt16LE(rows, 0);
  size.writeUInt16LE(columns, 2);
  check('ioctl', `terminal ${fd}`, libc.ioctl(fd, TIOCSWINSZ, size));
}

/** A terminal that passes every byte on as it is, both ways (cfmakeraw(3)). */
export function makeRaw(fd: number): void {
  const termios = Buffer.alloc(TERMIOS_BYTES);
  check('ioctl', `terminal ${fd}`, libc.ioctl(fd, TCGETS, termios));
  for (const { offset, clear, set } of RAW_MODES)
    termios.writeInt32LE((termios.readInt32LE(offset) & ~clear) | set, offset);
  check('ioctl', `terminal ${fd}`, libc.ioctl(fd, TCSETS, termios));
}

/** Creates a pseudo-terminal (pty(7)): its master, which the caller closes, and the path of its slave. */
export function openPtyMaster(): { readonly master: number; readonly slavePath: string } {
  const flags = constants.O_RDWR | constants.O_NOCTTY | O_CLOEXEC;
  const master = check('posix_openpt', '/dev/ptmx', libc.posix_openpt(flags));
  using undo = new DisposableStack();
  undo.defer(() => closeFd(master));
  check('grantpt', '/dev/ptmx', libc.grantpt(master));
  check('unlockpt', '/dev/ptmx', libc.unlockpt(master));
  const path = Buffer.alloc(64);
  check('ptsname', '/dev/ptmx', -libc.ptsname_r(master, path, path.length));
  undo.move();
  return { master, slavePath: path.toString('utf8', 0, path.indexOf(0)) };
}

/**
 * A duplex stream over a pty master; owns the descriptor. That all slaves are closed, which Linux reports as EIO, is
 * the end of the stream: `end`, then `close`, no `error`.
 */
export function openTtyStream(fd: number): ReadStream {
  return new MasterStream(fd);
}

class MasterStream extends ReadStream {
  /** libuv destroys the stream with the failed read. */
  override destroy(error?: Error): this {
    if (!isErrno(error, 'EIO')) return super.destroy(error);
    if (this.readableEnded || this.destroyed) return super.destroy();
    this.once('end', () => super.destroy());
    this.push(null);
    return this;
  }
}
