/**
 * `POST /images/prune`: dangling images, or with `dangling=false` all that no container uses; and what pulls left
 * unfinished, which is otherwise kept for a day to be continued.
 */
import { isEngineError } from '#base/errors.ts';
import type { Digest } from '#oci/digest.ts';
import { familiarReference } from '#oci/reference.ts';
import type { Filters } from '#base/filters.ts';
import type { ImageDeletion } from '#wire/image.ts';
import { danglingFilter, imageTest } from './image-filters.ts';
import type { LayerSize } from './image-inspect.ts';
import type { ImageParts } from './image-parts.ts';
import { isOtherPlatform } from './image-platforms.ts';
import type { ImageRecord } from './image-record.ts';
import { removeImage } from './image-remove.ts';

export interface PruneReport {
  readonly deleted: readonly ImageDeletion[];
  readonly spaceReclaimed: number;
}

/** What is in use stays, without an error. @throws {EngineError} `invalid` for a filter's value */
export async function pruneImages(
  parts: ImageParts,
  filters: Filters,
  sizeOf: LayerSize,
): Promise<PruneReport> {
  const { table, layers, uses } = parts;
  const danglingOnly = danglingFilter(filters) ?? true;
  const fits = imageTest(filters, table);
  const chosen = [...table.all()].filter((image) => fits(image) && isRemovable(parts, image, danglingOnly));
  const sizes = new Map<Digest, number>(layers.list().map(({ diffId }) => [diffId, sizeOf(diffId)]));
  const deleted: ImageDeletion[] = [];
  for (const image of chosen) {
    if (uses.isHeld(image.id)) continue;
    for (const name of namesToRemove(parts, image)) deleted.push(...(await removeUnlessUsed(parts, name)));
  }
  const isRestricted = [...filters.keys()].some((name) => name !== 'dangling');
  const unfinishedBytes = isRestricted ? 0 : await parts.garbage.giveUpUnfinished();
  const spaceReclaimed = [...sizes]
    .filter(([diffId]) => !layers.get(diffId))
    .reduce((total, [, sizeBytes]) => total + sizeBytes, unfinishedBytes);
  return { deleted, spaceReclaimed };
}

function isRemovable(parts: ImageParts, image: ImageRecord, danglingOnly: boolean): boolean {
  const { table } = parts;
  const names = table.namesOf(image.id);
  if (danglingOnly && isOtherPlatform(parts, image)) return false;
  if (names.length === 0) return table.childrenOf(image.id).size === 0;
  return !danglingOnly || names.every(({ reference }) => !reference.tag);
}

function namesToRemove({ table }: ImageParts, image: ImageRecord): readonly string[] {
  const names = table.namesOf(image.id).map(({ reference }) => familiarReference(reference));
  return names.length > 0 ? names : [image.id];
}

async function removeUnlessUsed(parts: ImageParts, name: string): Promise<readonly ImageDeletion[]> {
  try {
    return await removeImage(parts, name, { force: false, prune: true });
  } catch (error) {
    if (isEngineError(error, 'conflict') || isEngineError(error, 'not-found')) return [];
    throw error;
  }
}
