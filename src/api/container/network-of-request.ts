import { isIP } from 'node:net';
import { EngineError, messageOf } from '#base/errors.ts';
import { parseHostPorts, parsePort, tryParsePorts } from '#base/ports.ts';
import type { NetworkMode, ContainerNetworkSpec } from '#container/container-spec.ts';
import type { NetworkAttachment } from '#network/attachment.ts';
import type { PortRequest } from '#network/port-spec.ts';
import { type Link, parseLink } from '#syntax/link.ts';
import type { CreateRequest } from '#wire/container.ts';
import type { EndpointSettings } from '#wire/decode-endpoint.ts';
import type { PortBinding } from '#wire/host-config.ts';

/** A port that is named without a binding is published where there is room. */
const ANY_PORT: PortBinding = { HostIp: '', HostPort: '' };

/** @throws {EngineError} `invalid`, with Docker's texts */
export function networkOfRequest({
  config,
  hostConfig: host,
  networkingConfig,
}: CreateRequest): ContainerNetworkSpec {
  const ofEndpoint = networkingConfig.EndpointsConfig?.[host.NetworkMode]?.MacAddress;
  if (config.MacAddress && ofEndpoint && config.MacAddress !== ofEndpoint) {
    throw new EngineError(
      'invalid',
      'the container-wide MAC address must match the endpoint-specific MAC address for the main network, or be left empty',
    );
  }
  return {
    mode: config.NetworkDisabled
      ? { kind: 'none' }
      : modeOf(host.NetworkMode, networkingConfig.EndpointsConfig ?? {}),
    exposedPorts: Object.keys(config.ExposedPorts ?? {}).flatMap((text) => tryParsePorts(text) ?? []),
    ports: Object.entries(host.PortBindings ?? {}).flatMap(([port, bindings]) =>
      (bindings?.length ? bindings : [ANY_PORT]).map((binding) => portRequest(port, binding)),
    ),
    publishesAll: host.PublishAllPorts,
    dnsServers: host.Dns ?? [],
    dnsSearch: host.DnsSearch ?? [],
    dnsOptions: host.DnsOptions ?? [],
    extraHosts: host.ExtraHosts ?? [],
    ...linksOnDefault(host),
    ...(config.MacAddress && { macAddress: config.MacAddress }),
  };
}

function modeOf(mode: string, endpoints: Readonly<Record<string, EndpointSettings>>): NetworkMode {
  if (mode.startsWith('container:')) return { kind: 'joined', container: mode.slice('container:'.length) };
  const others = Object.keys(endpoints).filter((name) => name !== mode);
  if (mode !== 'none' && mode !== 'host') {
    return {
      kind: 'attached',
      attachments: [mode, ...others].map((name) => attachmentOf(name, endpoints[name])),
    };
  }
  const [other] = others;
  if (other === undefined) return { kind: mode };
  throw new EngineError('invalid', `container cannot be connected to network ${other} besides ${mode}`);
}

/** What an endpoint is to be made of. */
export function attachmentOf(network: string, asked: EndpointSettings | undefined): NetworkAttachment {
  const { IPv4Address, IPv6Address, LinkLocalIPs } = asked?.IPAMConfig ?? {};
  return {
    network,
    aliases: asked?.Aliases ?? [],
    ...(IPv4Address && { ipv4Address: IPv4Address }),
    ...(IPv6Address && { ipv6Address: IPv6Address }),
    linkLocalAddresses: LinkLocalIPs ?? [],
    ...(asked?.MacAddress && { macAddress: asked.MacAddress }),
    ...(asked?.GwPriority && { gatewayPriority: asked.GwPriority }),
    ...(asked?.Links?.length && { links: linkMap(asked.Links) }),
    driverOptions: asked?.DriverOpts ?? {},
  };
}

/** On networks that users created, a container's links are those of its endpoints. */
function linksOnDefault({ Links, NetworkMode }: CreateRequest['hostConfig']) {
  return Links?.length && NetworkMode === 'bridge' ? { links: Links.map(readLink) } : {};
}

function linkMap(links: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(links.map(readLink).map(({ container, alias }) => [alias, container]));
}

function readLink(text: string): Link {
  try {
    return parseLink(text);
  } catch (cause) {
    throw new EngineError('invalid', messageOf(cause), { cause });
  }
}

function portRequest(text: string, { HostIp, HostPort }: PortBinding): PortRequest {
  if (HostIp !== '' && isIP(HostIp) === 0) {
    throw new EngineError('invalid', `invalid host IP address: ${JSON.stringify(HostIp)}`);
  }
  const hostPorts = parseHostPorts(HostPort);
  return {
    ...parsePort(text),
    hostAddress: HostIp,
    ...(hostPorts && hostPorts.first > 0 && { hostPorts }),
  };
}
