import { fstatSync } from 'node:fs';

/**
 * The memory devices (null(4), zero, full) are the character devices that standard streams may be besides terminals.
 */
const MEMORY_DEVICES = 1;

/**
 * Whether a descriptor is a terminal, as isatty(3) has it. Node's own `isatty` loads the modules of streams and
 * sockets with it, which takes a quarter of this client's start-up.
 */
export function isTerminal(fd: number): boolean {
  try {
    const stat = fstatSync(fd);
    return stat.isCharacterDevice() && stat.rdev >> 8 !== MEMORY_DEVICES;
  } catch {
    // The stream is closed.
    return false;
  }
}
