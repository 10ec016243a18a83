import { EngineError } from '#base/errors.ts';
import type { EndpointSettings, NetworkInspect } from '#wire/network.ts';
import type { SandboxRecord } from './network.ts';
import type { NetworkDriver } from './network-driver.ts';

export interface Network {
  readonly id: string;
  readonly name: string;
  /** RFC 3339. */
  readonly created: string;
  readonly driver: NetworkDriver;
}

/**
 * Finds a network by its name, its id or a prefix of it, in this order.
 *
 * @throws {EngineError} `not-found`, or `invalid` if several ids start so
 */
export function resolveNetwork(networks: readonly Network[], reference: string): Network {
  const exact =
    networks.find(({ name }) => name === reference) ?? networks.find(({ id }) => id === reference);
  if (exact) return exact;
  const [found, ...others] = reference === '' ? [] : networks.filter(({ id }) => id.startsWith(reference));
  if (!found) throw new EngineError('not-found', `network ${reference} not found`);
  if (others.length === 0) return found;
  const count = others.length + 1;
  throw new EngineError(
    'invalid',
    `network ${reference} is ambiguous (${count} matches found based on ID prefix)`,
  );
}

/** A network with the running containers on it, as `GET /networks/{id}` shows it. */
export function describeNetwork(network: Network, sandboxes: readonly SandboxRecord[]): NetworkInspect {
  const members = sandboxes.flatMap((record) => {
    const endpoint = record.endpoints[network.name];
    return endpoint ? [[record.containerId, describeMember(record, endpoint)] as const] : [];
  });
  return {
    Name: network.name,
    Id: network.id,
    Created: network.created,
    Scope: 'local',
    EnableIPv4: true,
    EnableIPv6: false,
    Internal: false,
    Attachable: false,
    Ingress: false,
    ConfigFrom: { Network: '' },
    ConfigOnly: false,
    Containers: Object.fromEntries(members),
    Labels: {},
    ...network.driver.describe(),
  };
}

function describeMember({ request }: SandboxRecord, endpoint: EndpointSettings) {
  const { EndpointID, MacAddress, IPAddress, IPPrefixLen } = endpoint;
  const IPv4Address = IPAddress === '' ? '' : `${IPAddress}/${IPPrefixLen}`;
  return { Name: request.containerName, EndpointID, MacAddress, IPv4Address, IPv6Address: '' };
}
