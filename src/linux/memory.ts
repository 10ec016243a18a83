import { bindLibrary, LIBC } from './libc.ts';

const library = bindLibrary<{ malloc_trim(pad: number): number }>(LIBC, {
  malloc_trim: 'int malloc_trim(size_t)',
});

/**
 * Gives memory that was freed back to the system (malloc_trim(3)), which the C library otherwise keeps for later: most
 * of what a burst of work has needed. Takes some milliseconds.
 */
export function returnFreedMemory(): void {
  library.malloc_trim(0);
}
