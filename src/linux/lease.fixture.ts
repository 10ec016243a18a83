/** For tests: a lease on a file, which holds up every process that opens it (fcntl(2), "Leases"). */
import { closeSync, constants, openSync } from 'node:fs';
import { check, libc } from './libc.ts';

const F_SETLEASE = 1024;
const F_WRLCK = 1;

function ignore(): void {}

/** Opening the file waits until the result is disposed, or 45 s, after which the kernel takes the lease away. */
export function holdLease(path: string): Disposable {
  // The kernel asks for it back by this signal, which ends a process that does not listen.
  process.on('SIGIO', ignore);
  const fd = openSync(path, constants.O_RDWR);
  check('fcntl', path, libc.fcntl(fd, F_SETLEASE, F_WRLCK));
  return {
    [Symbol.dispose]: () => {
      closeSync(fd);
      process.off('SIGIO', ignore);
    },
  };
}
