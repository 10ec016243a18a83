import type { SnapshotStore } from '#layer/layer.ts';
import type { Lookup } from '../lookup.ts';
import type { Container } from './container.ts';

export interface RootRoles {
  readonly lookup: Pick<Lookup<Container>, 'byId'>;
  readonly snapshots: Pick<SnapshotStore, 'unmount'>;
}

/** Ends one use of a container's root, see {@link unmountRoot}. */
export async function releaseRoot(roles: RootRoles, container: Container): Promise<void> {
  using _lock = await container.lock();
  container.rootUses--;
  if (!container.run && roles.lookup.byId(container.id)) await unmountRoot(roles, container);
}

/** Unmounts the root of a container that does not run, unless it is still in use: its last use does it then. */
export async function unmountRoot(
  { snapshots }: Pick<RootRoles, 'snapshots'>,
  container: Container,
): Promise<void> {
  if (container.rootUses === 0) await snapshots.unmount(container.id);
}
