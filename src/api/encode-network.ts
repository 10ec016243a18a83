import { familyOf } from '#base/ip-address.ts';
import { formatInterfaceAddress, prefixFamily } from '#base/ip-prefix.ts';
import { encodeSubnets } from './encode-subnets.ts';
import { unreachable } from '#base/unreachable.ts';
import type { Endpoint, NetworkMember, NetworkRecord, NetworkView, Pool } from '#network/network.ts';
import type { NetworkInspect } from '#wire/network.ts';
import type { IpamPool } from '#wire/decode-network.ts';

/** A network with what is on it, as `GET /networks/{id}` shows it. */
export function encodeNetwork({ network, members }: NetworkView): NetworkInspect {
  const families = new Set(network.pools.map(({ subnet }) => prefixFamily(subnet)));
  return {
    Name: network.name,
    Id: network.id,
    Created: network.createdAt,
    Scope: 'local',
    Driver: network.driver.kind,
    EnableIPv4: families.has('ipv4') || families.size === 0,
    EnableIPv6: families.has('ipv6'),
    IPAM: { Driver: 'default', Options: network.isBuiltIn ? null : {}, Config: encodePools(network) },
    Internal: network.isInternal,
    Attachable: network.isAttachable,
    Ingress: false,
    ConfigFrom: { Network: '' },
    ConfigOnly: false,
    Containers: Object.fromEntries(members.map((member) => [member.sandboxId, encodeMember(member)])),
    Options: network.isBuiltIn ? encodeSettings(network) : network.askedOptions,
    Labels: network.labels,
    Status: { IPAM: network.pools.length > 0 ? { Subnets: encodeSubnets(network, members) } : {} },
  };
}

function encodePools({ pools }: NetworkRecord): readonly IpamPool[] | null {
  return pools.length > 0 ? pools.map(encodePool) : null;
}

function encodePool({ subnet, range, gateway, reserved }: Pool): IpamPool {
  return {
    Subnet: subnet,
    ...(range !== undefined && { IPRange: range }),
    Gateway: gateway,
    ...(reserved && { AuxiliaryAddresses: reserved }),
  };
}

function encodeMember({ name, endpoint }: NetworkMember) {
  return {
    Name: name,
    EndpointID: endpoint.id,
    MacAddress: endpoint.macAddress,
    IPv4Address: addressText(endpoint, 'ipv4'),
    IPv6Address: addressText(endpoint, 'ipv6'),
  };
}

function addressText({ addresses }: Endpoint, family: 'ipv4' | 'ipv6'): string {
  const own = addresses.find(({ address }) => familyOf(address) === family);
  return own ? formatInterfaceAddress(own) : '';
}

/** All settings of a network that the engine made itself, as Docker names them. */
function encodeSettings({ driver }: NetworkRecord): Readonly<Record<string, string>> {
  switch (driver.kind) {
    case 'bridge':
      return {
        'com.docker.network.bridge.default_bridge': 'true',
        'com.docker.network.bridge.enable_icc': String(driver.icc ?? true),
        'com.docker.network.bridge.enable_ip_masquerade': String(driver.masquerades ?? true),
        'com.docker.network.bridge.host_binding_ipv4': driver.bindAddress ?? '0.0.0.0',
        'com.docker.network.bridge.name': driver.linkName ?? '',
        'com.docker.network.driver.mtu': String(driver.mtu ?? ''),
      };
    case 'host':
    case 'null':
      return {};
    default:
      return unreachable(driver);
  }
}
