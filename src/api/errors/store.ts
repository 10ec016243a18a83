import type { StoreErrorReason } from '#store/store-errors.ts';
import type { DockerEntries } from './docker-entry.ts';

/** Clients do not know these: Docker's daemon keeps its content otherwise. */
export const STORE_ENTRIES: DockerEntries<StoreErrorReason> = {
  'no-such-blob': 'plain',
  'blob-unreadable': 'plain',
  'blob-too-large': 'plain',
  'blob-no-longer-written': 'plain',
  'blob-rejected': 'plain',
  'blob-write-refused': 'plain',
  'blob-incomplete': 'plain',
  'blob-not-hashed': 'plain',
  'store-closed': 'plain',
  'store-disk-full': 'plain',
  'metadata-newer': 'plain',
  'metadata-not-written': 'plain',
  'metadata-lost': 'plain',
  'metadata-damaged': 'plain',
  'root-in-use': 'plain',
  'run-in-use': 'plain',
  'run-of-other-root': 'plain',
};
