import { libc } from './libc.ts';

/**
 * Gives pages of the C heap that hold nothing back to the kernel (malloc_trim(3)): buffers leave them behind, and what
 * lies above keeps them resident. Milliseconds; for quiet times.
 */
export function trimHeap(): void {
  libc.malloc_trim(0);
}
