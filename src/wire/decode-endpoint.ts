/** How a client asks for a container's end of a network. */
import { integer, map, nullable, omitEmpty, required, slice, string, struct } from './go-json.ts';
import type { EndpointIpamConfig, EndpointSettings, NetworkingConfig } from './network.ts';

const ipamConfig = struct<EndpointIpamConfig>('EndpointIPAMConfig', {
  IPv4Address: omitEmpty(string),
  IPv6Address: omitEmpty(string),
  LinkLocalIPs: omitEmpty(slice(string)),
});

export const endpointSettings = struct<EndpointSettings>('EndpointSettings', {
  IPAMConfig: required(nullable(ipamConfig)),
  Links: required(slice(string)),
  Aliases: required(slice(string)),
  MacAddress: required(string),
  DriverOpts: required(map(string)),
  NetworkID: required(string),
  EndpointID: required(string),
  Gateway: required(string),
  IPAddress: required(string),
  IPPrefixLen: required(integer),
  IPv6Gateway: required(string),
  GlobalIPv6Address: required(string),
  GlobalIPv6PrefixLen: required(integer),
  DNSNames: required(slice(string)),
  GwPriority: required(integer),
});

export const networkingConfig = struct<NetworkingConfig>('NetworkingConfig', {
  EndpointsConfig: required(map(endpointSettings)),
});
