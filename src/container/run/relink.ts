import type { Networks } from '#network/network.ts';
import { followNetworks, type HostsRoles } from '../files/change-hosts.ts';
import { linkedHosts, linksOf } from '../links.ts';
import type { Lookup } from '../lookup.ts';
import type { Container } from './container.ts';

export interface RelinkRoles {
  readonly lookup: Pick<Lookup<Container>, 'find' | 'values'>;
  readonly networks: Pick<Networks, 'relink'>;
  readonly hosts: HostsRoles;
}

/** A container has been started, perhaps with another address: those that are linked to it are told. */
export async function relinkOthers(roles: RelinkRoles, { id }: Container): Promise<void> {
  const linked = [...roles.lookup.values()].filter(
    ({ run, spec }) => run?.sandbox && spec.network.links?.some(({ container }) => container === id),
  );
  await Promise.all(linked.map((container) => relink(roles, container)));
}

async function relink({ lookup, networks, hosts }: RelinkRoles, container: Container): Promise<void> {
  const before = container.run?.sandbox;
  const after = networks.relink(container.id, linkedHosts(linksOf(lookup, container.spec.network.links)));
  if (!before || !after) return;
  container.changeSandbox(after);
  await followNetworks(hosts, before, after);
}
