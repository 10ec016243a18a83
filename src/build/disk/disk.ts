/** What the builder keeps on disk, and what is asked for when some of it is to go. */
import type { Filters } from '#base/filters.ts';

/** BuildKit's words. */
export type CacheRecordType =
  | 'regular'
  | 'internal'
  | 'exec.cachemount'
  | 'source.local'
  | 'source.git.checkout';

export interface CacheRecord {
  readonly id: string;
  readonly parents: readonly string[];
  readonly type: CacheRecordType;
  readonly description: string;
  readonly isInUse: boolean;
  /** Images hold it as well: its removal frees nothing. */
  readonly isShared: boolean;
  readonly sizeBytes: number;
  readonly createdAtMs: number;
  readonly usedAtMs: number;
  readonly uses: number;
}

export interface PruneRequest {
  readonly filters: Filters;
  /** Includes what images share, and what the builder notes for itself. */
  readonly all: boolean;
  /** Stops once no more than this is left; 0: nothing is kept for its size. */
  readonly keepBytes: number;
}

export interface PruneReport {
  /** Ids of the records. */
  readonly deleted: readonly string[];
  /** Bytes. */
  readonly spaceReclaimed: number;
}
