import { hostname as hostHostname } from 'node:os';
import { shortId } from '#base/ids.ts';
import type { ContainerSpec } from '../container-spec.ts';

/**
 * The spec with the host name that the container will see: the host's with the host's network or UTS namespace, the
 * short id otherwise; none where it joins another container's network.
 */
export function completeHostname(id: string, spec: ContainerSpec): ContainerSpec {
  const { hostname, network, namespaces } = spec;
  if (hostname !== undefined || network.mode.kind === 'joined') return spec;
  const isHosts = network.mode.kind === 'host' || namespaces.uts === 'host';
  return { ...spec, hostname: isHosts ? hostHostname() : shortId(id) };
}
