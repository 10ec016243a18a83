/**
 * What clients of older versions of the API mean by their requests for a container: what a version did not have is
 * not asked for, and defaults are those of the time.
 */
import { EngineError } from '#base/errors.ts';
import type { CreateRequest } from './container.ts';
import type { HostConfig, MountRequest } from './host-config.ts';
import { type ApiVersion, apiVersion } from './versions.ts';

interface Change {
  /** The first version in which the request means what it says. */
  readonly until: string;
  /** @throws {EngineError} `invalid` where it would be dangerous to pass over what was asked for */
  readonly meant: (request: CreateRequest) => CreateRequest;
}

const CHANGES: readonly Change[] = [
  // These clients remove their containers themselves.
  { until: '1.25', meant: (request) => withHost(request, { AutoRemove: false }) },
  { until: '1.40', meant: (request) => withMounts(request, withoutBindOption('NonRecursive')) },
  {
    until: '1.40',
    meant: (request) => withHost(request, { IpcMode: request.hostConfig.IpcMode || 'shareable' }),
  },
  { until: '1.42', meant: (request) => withHost(request, { ConsoleSize: [0, 0] }) },
  { until: '1.42', meant: (request) => withMounts(request, withoutBindOption('CreateMountpoint')) },
  { until: '1.42', meant: (request) => withMounts(request, withOwnOptions) },
  { until: '1.43', meant: withoutAnnotations },
  { until: '1.44', meant: withoutStartInterval },
  {
    until: '1.44',
    meant: refused(
      (mount) => mount.Type === 'bind' && mount.BindOptions?.ReadOnlyForceRecursive === true,
      'BindOptions.ReadOnlyForceRecursive needs API v1.44 or newer',
    ),
  },
  { until: '1.44', meant: onOneNetwork },
  {
    until: '1.45',
    meant: refused(
      (mount) => mount.VolumeOptions?.Subpath !== undefined,
      'VolumeOptions.Subpath needs API v1.45 or newer',
    ),
  },
  {
    until: '1.48',
    meant: refused((mount) => mount.Type === 'image', 'Mount type "Image" needs API v1.48 or newer'),
  },
  { until: '1.48', meant: withoutGatewayPriorities },
];

/** The first version in which containers have no address of their own beside those of their networks. */
const WITHOUT_MAC_ADDRESS = apiVersion('1.52');

/** @throws {EngineError} `invalid`, with Docker's texts */
export function meantByVersion(request: CreateRequest, version: ApiVersion): CreateRequest {
  if (request.config.MacAddress && version >= WITHOUT_MAC_ADDRESS)
    throw invalid(
      'container-wide MAC address no longer supported; use endpoint-specific MAC address instead',
    );
  return CHANGES.filter(({ until }) => version < apiVersion(until)).reduce(
    (meant, { meant: change }) => change(meant),
    request,
  );
}

function withHost(request: CreateRequest, changes: Partial<HostConfig>): CreateRequest {
  return { ...request, hostConfig: { ...request.hostConfig, ...changes } };
}

function withMounts(request: CreateRequest, change: (mount: MountRequest) => MountRequest): CreateRequest {
  const { Mounts: mounts } = request.hostConfig;
  return mounts ? withHost(request, { Mounts: mounts.map(change) }) : request;
}

function withoutBindOption(option: 'NonRecursive' | 'CreateMountpoint') {
  return (mount: MountRequest): MountRequest =>
    mount.BindOptions ? { ...mount, BindOptions: { ...mount.BindOptions, [option]: false } } : mount;
}

/** Options of other types of mounts were passed over. */
function withOwnOptions(mount: MountRequest): MountRequest {
  const { VolumeOptions, TmpfsOptions, ...rest } = mount;
  return {
    ...rest,
    ...(VolumeOptions && mount.Type === 'volume' && { VolumeOptions }),
    ...(TmpfsOptions && mount.Type === 'tmpfs' && { TmpfsOptions }),
  };
}

function withoutAnnotations({ hostConfig, ...request }: CreateRequest): CreateRequest {
  const { Annotations: _later, ...rest } = hostConfig;
  return { ...request, hostConfig: rest };
}

function withoutGatewayPriorities(request: CreateRequest): CreateRequest {
  const endpoints = Object.entries(request.networkingConfig.EndpointsConfig ?? {});
  if (endpoints.length === 0) return request;
  const equal = endpoints.map(([network, endpoint]) => [network, { ...endpoint, GwPriority: 0 }] as const);
  return { ...request, networkingConfig: { EndpointsConfig: Object.fromEntries(equal) } };
}

function withoutStartInterval(request: CreateRequest): CreateRequest {
  const { Healthcheck, ...config } = request.config;
  if (!Healthcheck) return request;
  const { StartInterval: _later, ...healthcheck } = Healthcheck;
  return { ...request, config: { ...config, Healthcheck: healthcheck } };
}

function onOneNetwork(request: CreateRequest): CreateRequest {
  const endpoints = Object.keys(request.networkingConfig.EndpointsConfig ?? {});
  if (endpoints.length < 2) return request;
  throw invalid(`Container cannot be created with multiple network endpoints: ${endpoints.join(', ')}`);
}

function refused(isRefused: (mount: MountRequest) => boolean, message: string): Change['meant'] {
  return (request) => {
    if (request.hostConfig.Mounts?.some(isRefused)) throw invalid(message);
    return request;
  };
}

function invalid(message: string): EngineError {
  return new EngineError('invalid', message);
}
