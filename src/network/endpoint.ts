import { newId } from '#base/ids.ts';
import { familyOf, type IpAddress, type IpFamily, ipBytes } from '#base/ip-address.ts';
import { type InterfaceAddress, lastAddress, subnetOf } from '#base/ip-prefix.ts';
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

/** IPv6 has no broadcast. */
export function broadcastOf(address: InterfaceAddress): { readonly broadcast?: IpAddress } {
  if (familyOf(address.address) === 'ipv6') return {};
  return { broadcast: lastAddress(subnetOf(address)) };
}

/** The MAC address that Docker would derive: locally administered, and unique because the IP address is. */
export function macOf(address: IpAddress): string {
  const bytes = [0x02, 0x42, ...ipBytes(address).subarray(-4)];
  return bytes.map((byte) => byte.toString(16).padStart(2, '0')).join(':');
}

/** At most one address of each family. */
export type FamilyAddresses = Readonly<Partial<Record<IpFamily, IpAddress>>>;

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

/** Where published ports lead: an address of each family that has one. */
export function targetAddresses(endpoints: readonly Endpoint[]): FamilyAddresses {
  const ipv4 = targetAddress(endpoints, 'ipv4');
  const ipv6 = targetAddress(endpoints, 'ipv6');
  return { ...(ipv4 !== undefined && { ipv4 }), ...(ipv6 !== undefined && { ipv6 }) };
}

function targetAddress(endpoints: readonly Endpoint[], family: IpFamily): IpAddress | undefined {
  const endpoint = defaultEndpoint(endpoints, family);
  return endpoint && addressOf(endpoint, family);
}

function priorityOf({ attachment }: Endpoint): number {
  return attachment.gatewayPriority ?? 0;
}
