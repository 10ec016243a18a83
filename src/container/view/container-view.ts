import type { ContainerView } from '../views.ts';
import type { ResourceLimit } from '../container-spec.ts';
import type { Container } from '../run/container.ts';
import { stoppedState } from '../run/state.ts';
import { withDefaultUlimits } from '../spec/ulimits.ts';
import { measureContainer, viewListEntry, type ViewSources } from './list-entry.ts';

export interface ContainerViewSources extends ViewSources {
  readonly ulimits: readonly ResourceLimit[];
}

/** All there is to know of a container. */
export async function viewContainer(
  sources: ContainerViewSources,
  container: Container,
  options: { readonly size: boolean },
): Promise<ContainerView> {
  const size = options.size ? await measureContainer(sources, container) : undefined;
  const { id, definition, run } = container;
  const snapshot = sources.snapshots.get(id);
  return {
    ...viewListEntry(sources, container),
    spec: withDefaultUlimits(sources.ulimits, container.spec),
    requested: definition.requested,
    execIds: [...(run?.active.execs ?? [])],
    ...(wasStarted(container) && { files: sources.paths.files(id) }),
    logPath: container.log.path,
    ...(snapshot && { snapshot }),
    ...(size && { size }),
  };
}

/** The files of /etc are written when it is started first. */
function wasStarted({ state }: Container): boolean {
  return stoppedState(state)?.status !== 'created';
}
