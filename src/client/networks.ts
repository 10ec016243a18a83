import type { NetworkInspect } from '#wire/network.ts';
import type { NetworkConnectBody, NetworkCreateBody } from '#wire/decode-network.ts';
import { type Client, encodeFilters, path } from './client.ts';
import type { Filters } from './containers.ts';

export function listNetworks(client: Client, filters: Filters = {}): Promise<readonly NetworkInspect[]> {
  return client.json({ method: 'GET', path: '/networks', query: { filters: encodeFilters(filters) } });
}

export function createNetwork(
  client: Client,
  body: NetworkCreateBody,
): Promise<{ readonly Id: string; readonly Warning: string }> {
  return client.json({ method: 'POST', path: '/networks/create', json: body });
}

export function removeNetwork(client: Client, name: string): Promise<void> {
  return client.run({ method: 'DELETE', path: path`/networks/${name}` });
}

export function connectNetwork(client: Client, name: string, body: NetworkConnectBody): Promise<void> {
  return client.run({ method: 'POST', path: path`/networks/${name}/connect`, json: body });
}

export function disconnectNetwork(
  client: Client,
  name: string,
  container: string,
  force: boolean,
): Promise<void> {
  return client.run({
    method: 'POST',
    path: path`/networks/${name}/disconnect`,
    json: { Container: container, Force: force },
  });
}

export function pruneNetworks(
  client: Client,
  filters: Filters,
): Promise<{ readonly NetworksDeleted: readonly string[] | null }> {
  return client.json({ method: 'POST', path: '/networks/prune', query: { filters: encodeFilters(filters) } });
}
