import type { BuildCacheRecord } from '#wire/system.ts';
import { Row } from '../template/value.ts';
import type { Listing } from './rows.ts';
import { humanSize } from './sizes.ts';
import { truncateId } from './text.ts';
import { ago, goTimestamp } from './times.ts';

export const buildCacheListing: Listing = {
  headings: {
    ID: 'CACHE ID',
    Parent: 'PARENT',
    CacheType: 'CACHE TYPE',
    Description: 'DESCRIPTION',
    Size: 'SIZE',
    CreatedAt: 'CREATED AT',
    CreatedSince: 'CREATED',
    LastUsedAt: 'LAST USED AT',
    LastUsedSince: 'LAST USED',
    UsageCount: 'USAGE',
    InUse: 'IN USE',
    Shared: 'SHARED',
  },
  columns: ['ID', 'CacheType', 'Size', 'CreatedSince', 'LastUsedSince', 'UsageCount', 'Shared'],
};

export function buildCacheRow(record: BuildCacheRecord, noTrunc = false): Row {
  const shown = (id: string): string => (noTrunc ? id : truncateId(id));
  return new Row({
    ID: () => shown(record.ID) + (record.InUse ? '*' : ''),
    Parent: () => shown(record.Parents?.[0] ?? ''),
    CacheType: () => record.Type,
    Description: () => record.Description,
    Size: () => humanSize(record.Size, 3),
    CreatedAt: () => goTimestamp(record.CreatedAt),
    CreatedSince: () => since(record.CreatedAt),
    LastUsedAt: () => (record.LastUsedAt === null ? '' : goTimestamp(record.LastUsedAt)),
    LastUsedSince: () => (record.LastUsedAt === null ? '' : since(record.LastUsedAt)),
    UsageCount: () => String(record.UsageCount),
    InUse: () => String(record.InUse),
    Shared: () => String(record.Shared),
  });
}

function since(time: string): string {
  return ago(Date.parse(time) / 1000);
}

/** All that is known of a record, as `buildx du --verbose` shows it. */
export function buildCacheDetails(record: BuildCacheRecord): string {
  const lines: readonly (readonly [name: string, value: string | undefined])[] = [
    ['ID', record.ID],
    ['Parent', record.Parents?.join(', ') || undefined],
    ['Created at', goTimestamp(record.CreatedAt)],
    ['Reclaimable', String(!record.InUse)],
    ['Shared', String(record.Shared)],
    ['Size', humanSize(record.Size)],
    ['Description', record.Description || undefined],
    ['Usage count', String(record.UsageCount)],
    ['Last used', record.LastUsedAt === null ? undefined : since(record.LastUsedAt)],
    ['Type', record.Type],
  ];
  const known = lines.filter(([, value]) => value !== undefined);
  return known.map(([name, value]) => `${`${name}:`.padEnd(16)}${value}\n`).join('');
}
