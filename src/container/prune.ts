import { messageOf } from '#base/errors.ts';
import { type Filters, checkFilters, lacksLabels, matchesLabels, untilFilter } from '#base/filters.ts';
import type { PruneReport } from './container.ts';
import type { EmitEvent } from '#base/event.ts';
import type { Logger } from '#base/log.ts';
import type { SnapshotStore } from '#layer/layer.ts';
import type { Lookup } from './lookup.ts';
import type { Container } from './run/container.ts';
import { type RemovalRoles, removeStopped } from './remove.ts';

const KNOWN: ReadonlySet<string> = new Set(['label', 'label!', 'until']);

export interface PruneRoles {
  readonly lookup: Lookup<Container>;
  readonly snapshots: Pick<SnapshotStore, 'usage'>;
  readonly removal: RemovalRoles;
  readonly emit: EmitEvent;
  readonly logger: Logger;
}

/** Removes all containers that do not run and that the filters match; their volumes stay. */
export async function pruneContainers(roles: PruneRoles, filters: Filters): Promise<PruneReport> {
  checkFilters(filters, KNOWN);
  const until = untilFilter(filters) ?? Number.POSITIVE_INFINITY;
  const candidates = [...roles.lookup.values()].filter(
    ({ run, spec, definition }) =>
      !run &&
      Date.parse(definition.createdAt) <= until &&
      matchesLabels(filters.get('label'), spec.labels) &&
      lacksLabels(filters.get('label!'), spec.labels),
  );
  const removed: string[] = [];
  let reclaimedBytes = 0;
  for (const container of candidates) {
    const size = await pruneOne(roles, container);
    if (size === undefined) continue;
    removed.push(container.id);
    reclaimedBytes += size;
  }
  const attributes = { reclaimed: String(reclaimedBytes) };
  roles.emit({ type: 'container', action: 'prune', id: '', attributes });
  return { removed, reclaimedBytes };
}

/** Returns the bytes that it had; undefined if it could not be removed, or runs by now. */
async function pruneOne(roles: PruneRoles, container: Container): Promise<number | undefined> {
  using _lock = await container.lock();
  const { run, state } = container;
  if (run || !roles.lookup.byId(container.id)) return undefined;
  // What it needs may be back at the next start, where a file system was not mounted.
  if (state.status === 'dead' && state.problem) return undefined;
  try {
    const size = await roles.snapshots.usage(container.id);
    await removeStopped(roles.removal, container, { volumes: false });
    return size;
  } catch (error) {
    roles.logger.warn('a container was not pruned', { id: container.id, error: messageOf(error) });
    return undefined;
  }
}
