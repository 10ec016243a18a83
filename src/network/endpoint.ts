import { newId } from '#base/ids.ts';
import { type IpAddress, ipBytes } from '#base/ip-address.ts';
import type { EndpointSettings } from '#wire/network.ts';

/** An endpoint before it exists: what a container shows until it runs. */
export const NO_ENDPOINT: EndpointSettings = {
  IPAMConfig: null,
  Links: null,
  Aliases: null,
  MacAddress: '',
  DriverOpts: null,
  NetworkID: '',
  EndpointID: '',
  Gateway: '',
  IPAddress: '',
  IPPrefixLen: 0,
  IPv6Gateway: '',
  GlobalIPv6Address: '',
  GlobalIPv6PrefixLen: 0,
  DNSNames: null,
};

/** The settings of one endpoint by network name: what was asked for, completed. */
export function requestedEndpoint(
  network: string,
  endpoints: Readonly<Record<string, EndpointSettings>>,
): EndpointSettings {
  // Clients that leave the network to the engine name it "default".
  return {
    ...NO_ENDPOINT,
    ...(endpoints[network] ?? (network === 'bridge' ? endpoints['default'] : undefined)),
  };
}

/** The same settings as a new endpoint with an identity. */
export function newEndpoint(requested: EndpointSettings, networkId: string): EndpointSettings {
  return { ...requested, NetworkID: networkId, EndpointID: newId() };
}

/** As Docker makes them: locally administered, and unique because the address is. */
export function macOf(address: IpAddress): string {
  const bytes = [0x02, 0x42, ...ipBytes(address).subarray(-4)];
  return bytes.map((byte) => byte.toString(16).padStart(2, '0')).join(':');
}
