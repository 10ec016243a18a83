import type { ListRequest } from '../container.ts';
import type { ContainerListEntry } from '../views.ts';
import { linkNames } from '../links.ts';
import type { Lookup } from '../lookup.ts';
import type { Container } from '../run/container.ts';
import { measureContainer, viewListEntry, type ViewSources } from './list-entry.ts';
import { compileFilters } from './list-filters.ts';

/** The containers that `ps` shows, newest first. */
export async function listContainers(
  sources: Omit<ViewSources, 'lookup'> & { readonly lookup: Lookup<Container> },
  { all, limit, size, filters }: ListRequest,
): Promise<readonly ContainerListEntry[]> {
  const matches = compileFilters(filters, sources);
  const showsAll = all || limit > 0 || filters.has('status') || filters.has('exited');
  const shown: Container[] = [];
  for (const container of [...sources.lookup.values()].toReversed()) {
    if (limit > 0 && shown.length === limit) break;
    if ((showsAll || container.isUp) && matches(container)) shown.push(container);
  }
  const names = linkNames(sources.lookup);
  if (!size) return shown.map((container) => viewListEntry(sources, container, names));
  return await Promise.all(
    shown.map(async (container) => {
      const entry = viewListEntry(sources, container, names);
      return { ...entry, size: await measureContainer(sources, container) };
    }),
  );
}
