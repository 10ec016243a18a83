/**
 * Removes dangling images, or with the filter `dangling=false` all that no container uses; and what pulls left
 * unfinished, which is otherwise kept for a day to be continued.
 */
import { isEngineError } from '#base/errors.ts';
import type { Digest } from '#oci/digest.ts';
import { familiarReference } from '#oci/reference.ts';
import { type Filters, untilFilter } from '#base/filters.ts';
import type { LayerStore } from '#layer/layer.ts';
import { danglingFilter, imageTest } from './image-filters.ts';
import { isOtherPlatform } from './image-platforms.ts';
import type { ImageRecord } from './image-record.ts';
import { removeImage, type RemovalRoles } from './image-remove.ts';
import type { ImagePruneReport, ImageRemoval } from './image-view.ts';

/** What is in use stays, without an error. @throws {EngineError} `invalid` for a filter's value */
export async function pruneImages(
  roles: RemovalRoles,
  layers: Pick<LayerStore, 'get' | 'list'>,
  filters: Filters,
): Promise<ImagePruneReport> {
  const { table, uses, garbage } = roles;
  const danglingOnly = danglingFilter(filters) ?? true;
  // One at most, as for other prunes.
  untilFilter(filters);
  const fits = imageTest(filters, table);
  const chosen = [...table.all()].filter((image) => fits(image) && isRemovable(roles, image, danglingOnly));
  const sizes = new Map<Digest, number>(layers.list().map(({ diffId, sizeBytes }) => [diffId, sizeBytes]));
  const removals: ImageRemoval[] = [];
  for (const image of chosen) {
    if (uses.isHeld(image.id)) continue;
    for (const name of namesToRemove(roles, image)) removals.push(...(await removeUnlessUsed(roles, name)));
  }
  const isRestricted = [...filters.keys()].some((name) => name !== 'dangling');
  const unfinishedBytes = isRestricted ? 0 : await garbage.giveUpUnfinished();
  const reclaimedBytes = [...sizes]
    .filter(([diffId]) => !layers.get(diffId))
    .reduce((total, [, sizeBytes]) => total + sizeBytes, unfinishedBytes);
  const attributes = { reclaimed: String(reclaimedBytes) };
  roles.emit({ type: 'image', action: 'prune', id: '', attributes });
  return { removals, reclaimedBytes };
}

function isRemovable(roles: RemovalRoles, image: ImageRecord, danglingOnly: boolean): boolean {
  const { table } = roles;
  const names = table.namesOf(image.id);
  if (danglingOnly && isOtherPlatform(roles, image)) return false;
  if (names.length === 0) return table.childrenOf(image.id).size === 0;
  return !danglingOnly || names.every(({ reference }) => !reference.tag);
}

function namesToRemove({ table }: RemovalRoles, image: ImageRecord): readonly string[] {
  const names = table.namesOf(image.id).map(({ reference }) => familiarReference(reference));
  return names.length > 0 ? names : [image.id];
}

async function removeUnlessUsed(roles: RemovalRoles, name: string): Promise<readonly ImageRemoval[]> {
  try {
    return await removeImage(roles, name, { force: false, prune: true });
  } catch (error) {
    if (isEngineError(error, 'conflict') || isEngineError(error, 'not-found')) return [];
    throw error;
  }
}
