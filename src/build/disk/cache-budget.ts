/** How much the builder may keep: Docker's `builder.gc`, applied after builds. */
import { statfsSync } from 'node:fs';
import type { Filters } from '#base/filters.ts';
import { cacheSelection } from './cache-filters.ts';
import type { PruneLimits } from './prune-cache.ts';

/** One rule. Rules are applied in their order, each to what the ones before have left. */
export interface CachePolicy {
  readonly filters: Filters;
  readonly all: boolean;
  /** Bytes that stay; absent: the budget. */
  readonly keepBytes?: number;
}

export interface CacheBudget {
  readonly enabled: boolean;
  /** Absent: a tenth of the disk. */
  readonly keepBytes?: number;
  /** Absent: {@link standardPolicies}. */
  readonly policies?: readonly CachePolicy[];
}

const CACHE_MOUNT_KEEP_BYTES = 512 * 10 ** 6;
const DISK_SHARE = 10;

/** Docker's: what is easily made again first, then what is old, then whatever was used longest ago. */
const standardPolicies: readonly CachePolicy[] = [
  {
    filters: new Map([
      ['type', ['source.local', 'exec.cachemount']],
      ['unused-for', ['48h']],
    ]),
    all: false,
    keepBytes: CACHE_MOUNT_KEEP_BYTES,
  },
  { filters: new Map([['unused-for', ['1440h']]]), all: false },
  { filters: new Map(), all: false },
  { filters: new Map(), all: true },
];

/**
 * The limits to prune by, one after the other; empty where there is room for everything.
 *
 * @param directory on the disk that the budget is a part of
 * @param totalBytes what is kept now
 */
export function budgetLimits(
  budget: CacheBudget,
  directory: string,
  totalBytes: number,
): readonly PruneLimits[] {
  if (!budget.enabled) return [];
  const keep = budget.keepBytes ?? diskShare(directory);
  const { policies = standardPolicies } = budget;
  return policies
    .map(({ filters, all, keepBytes = keep }) => ({ selection: cacheSelection(filters), all, keepBytes }))
    .filter(({ keepBytes }) => keepBytes < totalBytes);
}

function diskShare(directory: string): number {
  const { blocks, bsize } = statfsSync(directory);
  return Math.floor((blocks * bsize) / DISK_SHARE);
}
