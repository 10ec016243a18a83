import { messageOf } from '#base/errors.ts';
import { type Filters, checkFilters, lacksLabels, matchesLabels } from '#base/filters.ts';
import { resolveTimestamp } from '#base/timestamps.ts';
import type { PruneReport } from './container.ts';
import { containerError } from './container-errors.ts';
import type { ContainerContext } from './context.ts';
import type { ManagedContainer } from './run/managed-container.ts';
import { removeStopped } from './remove.ts';

const KNOWN: ReadonlySet<string> = new Set(['label', 'label!', 'until']);

/** Removes all containers that do not run and that the filters match; their volumes stay. */
export async function pruneContainers(context: ContainerContext, filters: Filters): Promise<PruneReport> {
  checkFilters(filters, KNOWN);
  const until = untilOf(filters);
  const candidates = [...context.lookup.values()].filter(
    ({ run, spec, definition }) =>
      !run &&
      Date.parse(definition.createdAt) <= until &&
      matchesLabels(filters.get('label'), spec.labels) &&
      lacksLabels(filters.get('label!'), spec.labels),
  );
  const removed: string[] = [];
  let reclaimedBytes = 0;
  for (const container of candidates) {
    const size = await pruneOne(context, container);
    if (size === undefined) continue;
    removed.push(container.id);
    reclaimedBytes += size;
  }
  const attributes = { reclaimed: String(reclaimedBytes) };
  context.emit({ type: 'container', action: 'prune', id: '', attributes });
  return { removed, reclaimedBytes };
}

/** Milliseconds since the epoch. */
function untilOf(filters: Filters): number {
  const values = filters.get('until');
  if (!values) return Number.POSITIVE_INFINITY;
  const [value] = values;
  if (values.length > 1 || value === undefined) {
    throw containerError('filter-until-twice');
  }
  return Number(resolveTimestamp(value) / 1_000_000n);
}

/** Returns the bytes that it had; undefined if it could not be removed, or runs by now. */
async function pruneOne(context: ContainerContext, container: ManagedContainer): Promise<number | undefined> {
  using _lock = await context.locks.acquire(container.id);
  if (container.run || !context.lookup.byId(container.id)) return undefined;
  try {
    const size = await context.snapshots.usage(container.id);
    await removeStopped(context, container, { volumes: false });
    return size;
  } catch (error) {
    context.logger.warn('a container was not pruned', { id: container.id, error: messageOf(error) });
    return undefined;
  }
}
