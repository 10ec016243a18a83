/** The build cache on BuildKit's wire: `DiskUsage` and `Prune`. */
import { EngineError } from '#base/errors.ts';
import type { Builds } from '#build/build.ts';
import { cacheSelection } from '#build/disk/cache-filters.ts';
import { isMutableType } from '#build/disk/cache-records.ts';
import type { CacheRecord } from '#build/disk/disk.ts';
import type { PruneRequest, UsageRecord } from '#wire/buildkit/control.ts';
import type { InputOf, MessageOf } from '#wire/buildkit/message.ts';
import type { Filters } from '#base/filters.ts';

type WireRecord = InputOf<typeof UsageRecord>;

/** Clients show the beginning of an id only. */
const ID_LENGTH = 25;

/** @throws {EngineError} `invalid` for a filter */
export function diskUsage(builds: Builds, filter: readonly string[]): readonly WireRecord[] {
  const selection = cacheSelection(filtersOf(filter));
  const records = builds.cacheRecords().filter((record) => selection.fits(record));
  return records.map(usageRecord);
}

/** What was removed, one by one, with the size that each gave back. @throws {EngineError} `invalid` for a filter */
export async function* pruneRecords(
  builds: Builds,
  { filter, all, keepDuration, reservedSpace }: MessageOf<typeof PruneRequest>,
): AsyncGenerator<WireRecord, void> {
  const filters = new Map(filtersOf(filter));
  if (keepDuration > 0) filters.set('unused-for', [`${keepDuration}ns`]);
  const before = new Map(builds.cacheRecords().map((record) => [record.id, record]));
  const { deleted } = await builds.prune({ filters, all, keepBytes: reservedSpace });
  for (const id of deleted) {
    const record = before.get(id);
    if (record) yield { ...usageRecord(record), Size: record.isShared ? 0 : record.sizeBytes };
  }
}

function usageRecord(record: CacheRecord): WireRecord {
  return {
    ID: record.id.slice(0, ID_LENGTH),
    Mutable: isMutableType(record.type),
    InUse: record.isInUse,
    Size: record.sizeBytes,
    CreatedAt: timestamp(record.createdAtMs),
    LastUsedAt: timestamp(record.usedAtMs),
    UsageCount: record.uses,
    Description: record.description,
    RecordType: record.type,
    Shared: record.isShared,
    Parents: record.parents.map((id) => id.slice(0, ID_LENGTH)),
  };
}

function timestamp(milliseconds: number): { readonly seconds: number; readonly nanos: number } {
  const seconds = Math.floor(milliseconds / 1000);
  return { seconds, nanos: (milliseconds - seconds * 1000) * 1_000_000 };
}

/** containerd's filters: `type==regular`, several with commas; a name alone means that it is so. */
function filtersOf(filter: readonly string[]): Filters {
  const filters = new Map<string, string[]>();
  // Clients without filters send one that is empty.
  for (const term of filter.flatMap((text) => text.split(',')).filter((text) => text !== '')) {
    const [, name, value = 'true'] = /^([a-z-]+)(?:[=~]?=(.*))?$/i.exec(term.trim()) ?? [];
    if (name === undefined) throw new EngineError('invalid', `invalid filter '${term}'`);
    filters.set(name, [...(filters.get(name) ?? []), value]);
  }
  return filters;
}
