import { basename } from 'node:path';
import { isObject } from '#base/json.ts';
import { parseIp } from '#base/ip-address.ts';
import { parsePort } from '#base/ports.ts';
import { attachTo } from './attachment.ts';
import type { Endpoint, SandboxRecord } from './network.ts';
import type { Publication } from './publication.ts';

/** The record of a sandbox as it was before sandboxes and endpoints were two things. */
interface FormerSandbox {
  readonly containerId: string;
  readonly namespacePath?: string;
  /** By the name of the network: there was one. */
  readonly endpoints: Readonly<Record<string, FormerEndpoint>>;
  /** From `80/tcp` to where it was published. */
  readonly ports: Readonly<
    Record<string, readonly { readonly HostIp: string; readonly HostPort: string }[] | null>
  >;
  readonly request: {
    readonly containerName: string;
    readonly hostname: string;
    readonly domainname: string;
    readonly dns: readonly string[];
    readonly dnsSearch: readonly string[];
    readonly dnsOptions: readonly string[];
    readonly extraHosts: readonly string[];
    readonly sysctls: Readonly<Record<string, string>>;
  };
}

interface FormerEndpoint {
  readonly NetworkID: string;
  readonly EndpointID: string;
  readonly MacAddress: string;
  readonly Gateway: string;
  readonly IPAddress: string;
  readonly IPPrefixLen: number;
}

/** Whether a stored sandbox is of the former shape. */
export function isFormerSandbox(value: unknown): value is FormerSandbox {
  return isObject(value) && 'containerId' in value && 'hostsFile' in value;
}

/** The same sandbox in today's shape: a container that runs keeps its addresses, names and ports. */
export function fromFormerSandbox(former: FormerSandbox): SandboxRecord {
  const { containerId: id, namespacePath, request } = former;
  const endpoints = Object.entries(former.endpoints).map(([name, endpoint]) =>
    fromFormerEndpoint(name, endpoint, namespacePath),
  );
  const { containerName: name, dns: dnsServers, hostname, domainname } = request;
  const { dnsSearch, dnsOptions, extraHosts, sysctls } = request;
  const attachments = endpoints.map(({ attachment }) => attachment);
  const resolver = { dnsServers, dnsSearch, dnsOptions, extraHosts };
  return {
    id,
    ...(namespacePath !== undefined && { namespacePath }),
    endpoints,
    publications: publicationsOf(former),
    request: { id, name, hostname, domainname, attachments, ports: [], ...resolver, sysctls },
  };
}

function fromFormerEndpoint(
  networkName: string,
  former: FormerEndpoint,
  namespacePath: string | undefined,
): Endpoint {
  const { IPAddress: address, IPPrefixLen: prefixLength, Gateway: gateway } = former;
  const hasInterface = address !== '' && namespacePath !== undefined;
  return {
    id: former.EndpointID,
    networkId: former.NetworkID,
    networkName,
    addresses: address === '' ? [] : [{ address: parseIp(address), prefixLength }],
    gateways: gateway === '' ? [] : [parseIp(gateway)],
    macAddress: former.MacAddress,
    // Links were named after the namespace, interfaces always the same.
    ...(hasInterface && { interfaceName: 'eth0', linkSuffix: basename(namespacePath) }),
    attachment: attachTo(networkName),
  };
}

function publicationsOf({ ports }: FormerSandbox): readonly Publication[] {
  return Object.entries(ports).flatMap(([key, bindings]) =>
    (bindings ?? []).map(({ HostIp, HostPort }) => ({
      ...parsePort(key),
      hostAddress: HostIp,
      hostPort: Number(HostPort),
    })),
  );
}
