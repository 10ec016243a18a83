import { formatDate } from '#base/timestamps.ts';
import type { FinishedLayer } from '../export/finish-image.ts';
import type { CacheConfigRecord } from './cache-config.ts';
import { digestOfKey, type SolvedRecord } from './solved-records.ts';

/** The cache that goes into an image's configuration: of what is in the image, by the positions of its layers. */
export function inlineCacheOf(records: readonly SolvedRecord[]) {
  return (layers: readonly FinishedLayer[]): Buffer | undefined => {
    const positions = new Map(layers.map(({ archive, diffId }, index) => [archive ?? diffId, index]));
    const inline = records.flatMap(({ key, layer, createdAtMs }): readonly CacheConfigRecord[] => {
      const createdAt = formatDate(createdAtMs);
      const digest = digestOfKey(key);
      if (!layer) return [{ digest, chains: [{ layers: [], createdAt }] }];
      const position = positions.get(layer.diffId);
      if (position === undefined) return [];
      const { archive } = layers[position] ?? {};
      const result = { layer: position, createdAt, ...(archive !== undefined && { archive }) };
      return [{ digest, layers: [result] }];
    });
    return inline.length === 0 ? undefined : Buffer.from(JSON.stringify(inline));
  };
}
