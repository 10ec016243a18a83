/** `GET /images/json`. */
import type { ImageSummary } from '#wire/image.ts';
import type { Digest } from '#oci/digest.ts';
import { danglingFilter, imageTest, referenceTest } from './image-filters.ts';
import { createdSeconds, digestsOf, imageSize, type LayerSize, tagsOf } from './image-inspect.ts';
import type { ImageParts } from './image-parts.ts';
import { describePlatforms, isOtherPlatform } from './image-platforms.ts';
import type { ImageRecord } from './image-record.ts';
import type { ImageTable, NamedImage } from './image-table.ts';
import type { ImageListQuery } from './image.ts';

/** Newest first. @throws {EngineError} `invalid` or `not-found` for a filter's value */
export async function listImages(
  query: ImageListQuery,
  parts: ImageParts,
  sizeOf: LayerSize,
): Promise<readonly ImageSummary[]> {
  const found = findImages(query, parts);
  const shared = query.sharedSize ? sharedSizes(parts.table, sizeOf) : undefined;
  const rows = found.map(async ({ image, names }): Promise<ImageSummary> => {
    const row = summaryOf(image, names, sizeOf);
    const sized = shared ? { ...row, SharedSize: shared(row.Id) } : row;
    if (!query.manifests) return sized;
    const Containers = parts.use.containersOf(image.id).length;
    return { ...sized, Containers, ...(await describePlatforms(parts, image, sizeOf)) };
  });
  return (await Promise.all(rows)).toSorted((a, b) => b.Created - a.Created);
}

interface FoundImage {
  readonly image: ImageRecord;
  /** Those of its names that are asked for. */
  readonly names: readonly NamedImage[];
}

function findImages(query: ImageListQuery, parts: ImageParts): readonly FoundImage[] {
  const { table } = parts;
  const fits = imageTest(query.filters, table);
  const fitsName = referenceTest(query.filters);
  const dangling = danglingFilter(query.filters);
  const byReference = query.filters.has('reference');
  const isWanted = (image: ImageRecord, names: readonly NamedImage[]): boolean => {
    if (names.length > 0) return dangling !== true;
    if (isOtherPlatform(parts, image)) return query.all && !query.manifests && !dangling && !byReference;
    const isIntermediate = table.childrenOf(image.id).size > 0;
    return (query.all || !isIntermediate) && dangling !== false && !byReference;
  };
  return [...table.all()].flatMap((image) => {
    const names = table.namesOf(image.id);
    const shown = names.filter(({ reference }) => fitsName(reference));
    if (!fits(image) || !isWanted(image, names) || (byReference && shown.length === 0)) return [];
    return [{ image, names: shown }];
  });
}

function summaryOf(image: ImageRecord, names: readonly NamedImage[], sizeOf: LayerSize): ImageSummary {
  return {
    Id: image.id,
    ParentId: image.parent ?? '',
    RepoTags: tagsOf(names),
    RepoDigests: digestsOf(names),
    Created: createdSeconds(image.config),
    Size: imageSize(image, sizeOf),
    SharedSize: -1,
    Labels: image.config.config.Labels ?? null,
    Containers: -1,
  };
}

/** Bytes of the layers that another image has too. */
function sharedSizes(table: ImageTable, sizeOf: LayerSize): (id: string) => number {
  const uses = new Map<Digest, number>();
  const layersById = new Map<string, ReadonlySet<Digest>>();
  for (const { id, layers } of table.all()) {
    const distinct = new Set(layers.map(({ diffId }) => diffId));
    layersById.set(id, distinct);
    for (const diffId of distinct) uses.set(diffId, (uses.get(diffId) ?? 0) + 1);
  }
  return (id) => {
    const shared = [...(layersById.get(id) ?? [])].filter((diffId) => (uses.get(diffId) ?? 0) > 1);
    return shared.reduce((total, diffId) => total + sizeOf(diffId), 0);
  };
}
