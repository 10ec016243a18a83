/** How a client asks for a container's end of a network. */
import { type Decoded, integer, map, nullable, omitEmpty, slice, string, struct } from './go-json.ts';

const ipamConfig = struct('EndpointIPAMConfig', {
  IPv4Address: omitEmpty(string),
  IPv6Address: omitEmpty(string),
  LinkLocalIPs: omitEmpty(slice(string)),
});

export const endpointSettings = struct('EndpointSettings', {
  IPAMConfig: nullable(ipamConfig),
  Links: slice(string),
  Aliases: slice(string),
  MacAddress: string,
  DriverOpts: map(string),
  NetworkID: string,
  EndpointID: string,
  Gateway: string,
  IPAddress: string,
  IPPrefixLen: integer,
  IPv6Gateway: string,
  GlobalIPv6Address: string,
  GlobalIPv6PrefixLen: integer,
  DNSNames: slice(string),
  /** The endpoint with the highest has the default route. */
  GwPriority: integer,
});
export type EndpointSettings = Decoded<typeof endpointSettings>;

/** Nothing asked for, and nothing there. */
export const EMPTY_ENDPOINT: EndpointSettings = endpointSettings.zero();

export const networkingConfig = struct('NetworkingConfig', {
  EndpointsConfig: map(endpointSettings),
});
export type NetworkingConfig = Decoded<typeof networkingConfig>;
