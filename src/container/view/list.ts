import type { ContainerSummary } from '#wire/container.ts';
import type { ListRequest } from '../container.ts';
import type { ContainerContext } from '../context.ts';
import { measure } from './inspect.ts';
import { compileFilters } from './list-filters.ts';
import type { ManagedContainer } from '../run/managed-container.ts';
import { summarize } from './summary.ts';

/** The containers that `ps` shows, newest first. */
export async function listContainers(
  context: ContainerContext,
  { all, limit, size, filters }: ListRequest,
): Promise<readonly ContainerSummary[]> {
  const matches = compileFilters(filters, context);
  const showsAll = all || limit > 0 || filters.has('status') || filters.has('exited');
  const shown: ManagedContainer[] = [];
  for (const container of [...context.lookup.values()].toReversed()) {
    if (limit > 0 && shown.length === limit) break;
    if ((showsAll || container.run) && matches(container)) shown.push(container);
  }
  const summaries = shown.map((container) => summarize(context, container));
  if (!size) return summaries;
  return await Promise.all(
    summaries.map(async (summary, index) => {
      const container = shown[index];
      return container ? { ...summary, ...(await measure(context, container)) } : summary;
    }),
  );
}
