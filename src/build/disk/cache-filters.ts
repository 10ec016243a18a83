/** Which cache records a request means: the filters of `docker builder prune`. */
import { EngineError } from '#base/errors.ts';
import { parseDuration } from '#base/durations.ts';
import { booleanFilter, checkFilters, type Filters } from '#base/filters.ts';
import { isMutableType } from './cache-records.ts';
import type { CacheRecord } from './disk.ts';

const KNOWN = new Set([
  'description',
  'id',
  'inuse',
  'mutable',
  'parent',
  'private',
  'shared',
  'type',
  'until',
  'unused-for',
]);

export interface CacheSelection {
  fits(record: CacheRecord): boolean;
  /** Selects only what was not used for so long. */
  readonly unusedForMs: number;
}

/** @throws {EngineError} `invalid` for a filter that there is not, or a value that it cannot have */
export function cacheSelection(filters: Filters): CacheSelection {
  checkFilters(filters, KNOWN);
  const isInUse = booleanFilter(filters, 'inuse');
  const isMutable = booleanFilter(filters, 'mutable');
  const isShared = sharedFilter(filters);
  const fitsText = (name: string, of: (record: CacheRecord) => readonly string[]) => {
    const wanted = filters.get(name);
    return (record: CacheRecord) => wanted === undefined || of(record).some((text) => wanted.includes(text));
  };
  const tests = [
    fitsText('type', ({ type }) => [type]),
    fitsText('description', ({ description }) => [description]),
    prefixTest(filters, 'id', ({ id }) => [id]),
    prefixTest(filters, 'parent', ({ parents }) => parents),
    (record: CacheRecord) => isInUse === undefined || record.isInUse === isInUse,
    (record: CacheRecord) => isMutable === undefined || isMutableType(record.type) === isMutable,
    (record: CacheRecord) => isShared === undefined || record.isShared === isShared,
  ];
  return { fits: (record) => tests.every((test) => test(record)), unusedForMs: unusedFor(filters) };
}

/** Ids may be shortened. */
function prefixTest(filters: Filters, name: string, of: (record: CacheRecord) => readonly string[]) {
  const wanted = filters.get(name);
  return (record: CacheRecord) =>
    wanted === undefined || of(record).some((id) => wanted.some((prefix) => id.startsWith(prefix)));
}

/** `private` is the opposite of `shared`. */
function sharedFilter(filters: Filters): boolean | undefined {
  const shared = booleanFilter(filters, 'shared');
  const isPrivate = booleanFilter(filters, 'private');
  return shared ?? (isPrivate === undefined ? undefined : !isPrivate);
}

const MILLISECOND_NS = 1_000_000n;

/** `until` is what clients call `unused-for`. */
function unusedFor(filters: Filters): number {
  const values = [...(filters.get('until') ?? []), ...(filters.get('unused-for') ?? [])];
  const [value, ...more] = values;
  if (value === undefined) return 0;
  if (more.length > 0)
    throw new EngineError('invalid', 'filters expect only one value of until or unused-for');
  return Number(parseDuration(value) / MILLISECOND_NS);
}
