import { join } from 'node:path';

/** Where a root has its metadata. */
export interface MetadataPaths {
  readonly database: string;
  /** The write-ahead log: it fits its own database alone. */
  readonly log: string;
  readonly sharedMemory: string;
  readonly backup: string;
}

export function metadataPaths(root: string): MetadataPaths {
  const database = join(root, 'metadata.db');
  return { database, log: `${database}-wal`, sharedMemory: `${database}-shm`, backup: `${database}.backup` };
}
