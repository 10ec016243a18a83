import { libc } from './libc.ts';

/**
 * Ends the process at once (_exit(2)). `process.exit` waits for every thread, and one inside of a system call that does
 * not return would keep it for ever.
 */
export function exitNow(status: number): void {
  libc._exit(status);
}
