import type { BuildCacheRecord } from '#wire/system.ts';
import { Row } from '../template/value.ts';
import type { Listing } from './rows.ts';
import { humanSize } from './sizes.ts';
import { ago } from './times.ts';

export const buildCacheListing: Listing = {
  headings: {
    ID: 'CACHE ID',
    CacheType: 'CACHE TYPE',
    Size: 'SIZE',
    CreatedSince: 'CREATED',
    LastUsedSince: 'LAST USED',
    UsageCount: 'USAGE',
    Shared: 'SHARED',
  },
  columns: ['ID', 'CacheType', 'Size', 'CreatedSince', 'LastUsedSince', 'UsageCount', 'Shared'],
};

export function buildCacheRow(record: BuildCacheRecord): Row {
  return new Row({
    ID: () => record.ID.slice(0, 12) + (record.InUse ? '*' : ''),
    CacheType: () => record.Type,
    Size: () => humanSize(record.Size, 3),
    CreatedSince: () => ago(Date.parse(record.CreatedAt) / 1000),
    LastUsedSince: () => (record.LastUsedAt === null ? '' : ago(Date.parse(record.LastUsedAt) / 1000)),
    UsageCount: () => String(record.UsageCount),
    Shared: () => String(record.Shared),
  });
}
