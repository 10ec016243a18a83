import type { Digest } from '#oci/digest.ts';
import { danglingFilter, imageTest, referenceTest } from './image-filters.ts';
import { creationOf, digestsOf, imageSize, type LayerSize, tagsOf } from './image-inspect.ts';
import {
  describeManifests,
  describeTarget,
  isOtherPlatform,
  type PlatformDetails,
  type PlatformSources,
} from './image-platforms.ts';
import type { ImageRecord } from './image-record.ts';
import type { ImageTable, NamedImage } from './image-table.ts';
import type { ImageSummary } from './image-view.ts';
import type { ImageListQuery } from './image.ts';

/** Newest first. @throws {EngineError} `invalid` for a filter's value, `no-such-image` for an image that one names */
export async function listImages(
  query: ImageListQuery,
  details: PlatformDetails,
): Promise<readonly ImageSummary[]> {
  const { table, use, sizeOf } = details;
  const found = findImages(query, details);
  const shared = query.sharedSize ? sharedSizes(table, sizeOf) : undefined;
  const rows = found.map(async ({ image, names }): Promise<ImageSummary> => {
    return {
      ...summaryOf(image, names, sizeOf),
      ...(shared && { sharedBytes: shared(image.id) }),
      containers: use.containersOf(image.id).length,
      ...(query.descriptors && { descriptor: await describeTarget(details, image) }),
      ...(query.manifests && { manifests: await describeManifests(details, image) }),
    };
  });
  return (await Promise.all(rows)).toSorted(newestFirst);
}

function newestFirst(a: ImageSummary, b: ImageSummary): number {
  return (b.createdAtMs ?? Number.MIN_SAFE_INTEGER) - (a.createdAtMs ?? Number.MIN_SAFE_INTEGER);
}

interface FoundImage {
  readonly image: ImageRecord;
  /** Its names that are asked for. */
  readonly names: readonly NamedImage[];
}

function findImages(query: ImageListQuery, sources: PlatformSources): readonly FoundImage[] {
  const { table } = sources;
  const fits = imageTest(query.filters, table);
  const fitsName = referenceTest(query.filters);
  const dangling = danglingFilter(query.filters);
  const byReference = query.filters.has('reference');
  const isWanted = (image: ImageRecord, names: readonly NamedImage[]): boolean => {
    if (names.length > 0) return dangling !== true || names.every(({ reference }) => !reference.tag);
    if (isOtherPlatform(sources, image)) return query.all && !query.manifests && !dangling && !byReference;
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

function summaryOf(
  image: ImageRecord,
  names: readonly NamedImage[],
  sizeOf: LayerSize,
): Omit<ImageSummary, 'containers'> {
  const { id, parent, config } = image;
  const { Labels: labels } = config.config;
  return {
    id,
    tags: tagsOf(names),
    digests: digestsOf(names),
    ...(parent && { parent }),
    ...creationOf(config),
    sizeBytes: imageSize(image, sizeOf),
    ...(labels && { labels }),
  };
}

/** Bytes of the layers that another image has too. */
function sharedSizes(table: ImageTable, sizeOf: LayerSize): (id: Digest) => number {
  const uses = new Map<Digest, number>();
  const layersById = new Map<Digest, ReadonlySet<Digest>>();
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
