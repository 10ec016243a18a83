import { newId } from '#base/ids.ts';
import { familyOf, type IpAddress, type IpFamily, ipBytes } from '#base/ip-address.ts';
import type { NetworkAttachment } from './attachment.ts';
import type { Endpoint, NetworkRecord } from './network.ts';

/** A new endpoint on a network without interfaces of its own: `host` and `null`. */
export function bareEndpoint({ id, name }: NetworkRecord, attachment: NetworkAttachment): Endpoint {
  return {
    id: newId(),
    networkId: id,
    networkName: name,
    addresses: [],
    gateways: [],
    macAddress: attachment.macAddress ?? '',
    attachment,
  };
}

/** The MAC address that Docker would derive: locally administered, and unique because the IP address is. */
export function macOf(address: IpAddress): string {
  const bytes = [0x02, 0x42, ...ipBytes(address).subarray(-4)];
  return bytes.map((byte) => byte.toString(16).padStart(2, '0')).join(':');
}

export function addressOf(endpoint: Endpoint, family: IpFamily): IpAddress | undefined {
  return endpoint.addresses.find(({ address }) => familyOf(address) === family)?.address;
}

export function gatewayOf(endpoint: Endpoint, family: IpFamily): IpAddress | undefined {
  return endpoint.gateways.find((gateway) => familyOf(gateway) === family);
}

/** The endpoint that the default route of a family leads over: of those with a gateway, the one of highest priority. */
export function defaultEndpoint(endpoints: readonly Endpoint[], family: IpFamily): Endpoint | undefined {
  const [first] = endpoints
    .filter((endpoint) => gatewayOf(endpoint, family) !== undefined)
    .toSorted((a, b) => priorityOf(b) - priorityOf(a) || (a.networkName < b.networkName ? -1 : 1));
  return first;
}

function priorityOf({ attachment }: Endpoint): number {
  return attachment.gatewayPriority ?? 0;
}
