import { libc } from './libc.ts';

/**
 * Gives memory that was freed back to the system (malloc_trim(3)), which the C library otherwise keeps for later: most
 * of what a burst of work has needed. Takes some milliseconds.
 */
export function returnFreedMemory(): void {
  libc.malloc_trim(0);
}
