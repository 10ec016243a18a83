import { EngineError } from '#base/errors.ts';
import { tryParsePorts } from '#base/ports.ts';
import type { ContainerConfig } from '#wire/container-config.ts';
import type { CreateRequest } from '#wire/container.ts';
import type { HostConfig, MountRequest } from '#wire/host-config.ts';
import { type ApiVersion, apiVersion } from '#wire/versions.ts';

/** Refuses what makes no sense in another container's network. @throws {EngineError} `invalid`, with Docker's texts */
export function checkSharedNetwork(config: ContainerConfig, host: HostConfig): void {
  if (!host.NetworkMode.startsWith('container:')) return;
  if (config.Hostname !== '') throw conflicting('hostname and the network mode');
  if (has(host.Links)) throw conflicting("container type network can't be used with links");
  if (has(host.Dns)) throw conflicting('dns and the network mode');
  if (has(host.ExtraHosts)) throw conflicting('custom host-to-IP mapping and the network mode');
  if (config.MacAddress) throw conflicting('mac-address and the network mode');
  if (has(host.PortBindings) || host.PublishAllPorts) {
    throw conflicting('port publishing and the container type network mode');
  }
  if (has(config.ExposedPorts)) throw conflicting('port exposing and the container type network mode');
}

function has(set: object | null | undefined): boolean {
  return Object.keys(set ?? {}).length > 0;
}

function conflicting(what: string): EngineError {
  return new EngineError('invalid', `conflicting options: ${what}`);
}

/** Refuses what Linux does not have. @throws {EngineError} `invalid`, with Docker's texts */
export function checkPlatform({ IOMaximumIOps, IOMaximumBandwidth }: Partial<HostConfig>): void {
  const setting = IOMaximumIOps ? 'IOPs' : IOMaximumBandwidth ? 'bandwidth' : undefined;
  if (setting === undefined) return;
  throw new EngineError(
    'invalid',
    `Invalid QoS settings: linux does not support configuration of maximum ${setting}`,
  );
}

/** What other platforms have, in Docker's words where it has some. */
export function platformWarnings({ CpuCount, CpuPercent }: Partial<HostConfig>): readonly string[] {
  return [
    ...(CpuPercent ? ['linux does not support CPU percent. Percent discarded.'] : []),
    ...(CpuCount ? ['linux does not support CPU count. Count discarded.'] : []),
  ];
}

/** What of a request has no effect, or will have none. */
export function requestWarnings(request: CreateRequest, version: ApiVersion): readonly string[] {
  const { config, hostConfig: host } = request;
  return [
    ...(config.MacAddress && version >= apiVersion('1.44') ? [DEPRECATED_MAC_ADDRESS] : []),
    ...platformWarnings(host),
    ...publishWarnings(host),
    ...versionWarnings(host, version),
    ...ignoredFields(request).map((field) => `${field} has no effect: this engine does not support it yet.`),
    ...Object.keys(config.ExposedPorts ?? {})
      .filter((text) => tryParsePorts(text) === undefined)
      .map((text) => `Exposed port ${JSON.stringify(text)} has no effect: it is not a port.`),
  ];
}

const DEPRECATED_MAC_ADDRESS =
  'The container-wide MacAddress field is now deprecated. It should be specified in EndpointsConfig instead.';

function ignoredFields({ hostConfig, networkingConfig }: CreateRequest): readonly string[] {
  const endpoints = Object.values(networkingConfig.EndpointsConfig ?? {});
  return [
    ...(hostConfig.Cgroup === '' ? [] : ['HostConfig.Cgroup']),
    ...(endpoints.some(({ DriverOpts }) => has(DriverOpts)) ? ['EndpointsConfig.DriverOpts'] : []),
  ];
}

function publishWarnings({ NetworkMode, PortBindings }: HostConfig): readonly string[] {
  const isDiscarded = NetworkMode === 'host' && has(PortBindings);
  return isDiscarded ? ['Published ports are discarded when using host network mode'] : [];
}

/** What clients of newer versions are told; the older ones tell it by themselves, or were never told. */
function versionWarnings(host: HostConfig, version: ApiVersion): readonly string[] {
  const { VolumeDriver, Mounts, PortBindings } = host;
  const ignoresDriver = VolumeDriver !== '' && (Mounts ?? []).some(leavesDriverOpen);
  const unbound = Object.entries(PortBindings ?? {}).flatMap(([port, bindings]) =>
    has(bindings) ? [] : [port],
  );
  return [
    ...(ignoresDriver && version >= apiVersion('1.48') ? [IGNORED_DRIVER] : []),
    ...(unbound.length > 0 && version >= apiVersion('1.52')
      ? [
          `Following container port(s) have an empty list of port-bindings: ${unbound.join(', ')}. Such bindings will be discarded in a future version.`,
        ]
      : []),
  ];
}

const IGNORED_DRIVER =
  "WARNING: the container-wide volume-driver configuration is ignored for volumes specified via 'mount'. Use '--mount type=volume,volume-driver=...' instead";

function leavesDriverOpen({ Type, VolumeOptions }: MountRequest): boolean {
  return Type === 'volume' && !VolumeOptions?.DriverConfig?.Name;
}
