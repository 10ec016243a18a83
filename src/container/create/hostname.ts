import { hostname as hostHostname } from 'node:os';
import { shortId } from '#base/ids.ts';
import type { ContainerConfig, HostConfig } from '#wire/container.ts';
import { joinedContainer } from './host-requirements.ts';

/**
 * The host name that a container will see, in its configuration, as Docker shows it: the host's with the host's
 * network or UTS namespace, the short id otherwise; nothing where it joins another container's network.
 */
export function completeHostname(
  id: string,
  config: ContainerConfig,
  hostConfig: HostConfig,
): ContainerConfig {
  if (config.Hostname !== '' || joinedContainer(hostConfig.NetworkMode) !== undefined) return config;
  const isHosts = hostConfig.NetworkMode === 'host' || hostConfig.UTSMode === 'host';
  return { ...config, Hostname: isHosts ? hostHostname() : shortId(id) };
}
