/** What Docker's clients know the engine's kind of snapshots as. */
export const STORAGE_DRIVER = 'overlay2';
