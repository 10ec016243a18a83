/** Turns a Docker create request into a spec: the only place that knows both. */
import type {
  ContainerSpec,
  DeviceRequest,
  JoinedNamespace,
  NamespacesSpec,
  ProcessSpec,
  RestartPolicy,
  SecuritySpec,
} from '#container/container-spec.ts';
import { DEFAULT_MASKED_PATHS, DEFAULT_READONLY_PATHS } from '#oci/protected-paths.ts';
import type { ContainerConfig } from '#wire/container-config.ts';
import type { CreateRequest } from '#wire/container.ts';
import { DEFAULT_SHM_SIZE_BYTES } from '#wire/decode-create.ts';
import { checkPlatform, checkSharedNetwork, requestWarnings } from './check-request.ts';
import type { HostConfig } from '#wire/host-config.ts';
import type {
  DeviceMapping,
  DeviceRequest as WireDeviceRequest,
  RestartPolicy as WireRestartPolicy,
} from '#wire/resources.ts';
import { NEWEST_API_VERSION } from '#wire/versions.ts';
import { healthOfRequest } from './health.ts';
import { limitsOf } from './limits.ts';
import { mountsOfRequest } from './mounts-of-request.ts';
import { networkOfRequest } from './network-of-request.ts';
import { parseSecurityOptions } from './security-options.ts';

/**
 * What a client asks for, in the domain's words, and what it is to be told about it.
 *
 * @throws {EngineError} `invalid`, with Docker's texts
 */
export function specOfRequest(
  request: CreateRequest,
  version = NEWEST_API_VERSION,
): {
  readonly spec: ContainerSpec;
  readonly warnings: readonly string[];
} {
  const { config, hostConfig: host } = request;
  checkSharedNetwork(config, host);
  checkPlatform(host);
  const options = parseSecurityOptions(host.SecurityOpt);
  const { Healthcheck, StopSignal, StopTimeout, OnBuild, Shell, ArgsEscaped } = config;
  const spec: ContainerSpec = {
    image: config.Image,
    labels: config.Labels ?? {},
    annotations: host.Annotations ?? {},
    ...(config.Hostname !== '' && { hostname: config.Hostname }),
    ...(config.Domainname !== '' && { domainname: config.Domainname }),
    process: processOf(config, host),
    root: { readOnly: host.ReadonlyRootfs, storageOptions: host.StorageOpt ?? {} },
    mounts: mountsOfRequest(config, host, version),
    limits: limitsOf(host),
    security: securityOf(host, options),
    namespaces: namespacesOf(host),
    devices: {
      nodes: (host.Devices ?? []).map(deviceNode),
      cgroupRules: host.DeviceCgroupRules ?? [],
      requests: (host.DeviceRequests ?? []).map(deviceRequest),
    },
    network: networkOfRequest(request),
    log: {
      ...(host.LogConfig.Type !== '' && { driver: host.LogConfig.Type }),
      options: host.LogConfig.Config ?? {},
    },
    stop: {
      ...(StopSignal && { signal: StopSignal }),
      ...(StopTimeout !== undefined && { timeoutSeconds: StopTimeout }),
    },
    restart: restartPolicyOf(host.RestartPolicy),
    ...(Healthcheck && { health: healthOfRequest(Healthcheck) }),
    removedOnExit: host.AutoRemove,
    ...(host.Runtime && { runtime: host.Runtime }),
    imageDefaults: {
      onBuild: OnBuild ?? [],
      ...(Shell && { shell: Shell }),
      ...(ArgsEscaped !== undefined && { argumentsEscaped: ArgsEscaped }),
    },
  };
  return { spec, warnings: [...options.warnings, ...requestWarnings(request, version)] };
}

function processOf(config: ContainerConfig, host: HostConfig): ProcessSpec {
  const [rows, columns] = host.ConsoleSize;
  return {
    ...commandOf(config),
    environment: config.Env ?? [],
    ...(config.WorkingDir !== '' && { workingDirectory: config.WorkingDir }),
    ...(config.User !== '' && { user: config.User }),
    groups: host.GroupAdd ?? [],
    terminal: config.Tty,
    ...(rows > 0 && columns > 0 && { terminalSize: { rows, columns } }),
    stdin: stdinOf(config),
    ...(host.Init !== undefined && { init: host.Init }),
    ulimits: (host.Ulimits ?? []).map(({ Name, Soft, Hard }) => ({ name: Name, soft: Soft, hard: Hard })),
    oomScoreAdjustment: host.OomScoreAdj,
  };
}

/** An empty word as the entrypoint drops the image's, and its command too. */
function commandOf({ Entrypoint, Cmd }: ContainerConfig): Pick<ProcessSpec, 'entrypoint' | 'command'> {
  if (Entrypoint?.length === 1 && Entrypoint[0] === '') return { entrypoint: [], command: Cmd ?? [] };
  return {
    ...(Entrypoint && { entrypoint: Entrypoint }),
    ...(Cmd && Cmd.length > 0 && { command: Cmd }),
  };
}

function stdinOf({ OpenStdin, StdinOnce }: ContainerConfig): ProcessSpec['stdin'] {
  if (!OpenStdin) return 'closed';
  return StdinOnce ? 'once' : 'kept';
}

function securityOf(host: HostConfig, options: ReturnType<typeof parseSecurityOptions>): SecuritySpec {
  const { seccomp, noNewPrivileges, systemPathsUnconfined } = options;
  const masked = systemPathsUnconfined ? [] : ownPaths(host.MaskedPaths, DEFAULT_MASKED_PATHS);
  const readOnly = systemPathsUnconfined ? [] : ownPaths(host.ReadonlyPaths, DEFAULT_READONLY_PATHS);
  return {
    privileged: host.Privileged,
    addedCapabilities: host.CapAdd ?? [],
    droppedCapabilities: host.CapDrop ?? [],
    ...(noNewPrivileges !== undefined && { noNewPrivileges }),
    seccomp,
    ...(masked && { maskedPaths: masked }),
    ...(readOnly && { readOnlyPaths: readOnly }),
  };
}

/** The decoder puts the usual paths where the client says nothing. */
function ownPaths(paths: readonly string[] | null, usual: readonly string[]): readonly string[] | undefined {
  return paths === null || paths === usual ? undefined : paths;
}

function namespacesOf(host: HostConfig): NamespacesSpec {
  const { PidMode, IpcMode, UTSMode, CgroupnsMode, UsernsMode, ShmSize, Sysctls } = host;
  return {
    pid: joinedOf(PidMode) ?? (PidMode === 'host' ? 'host' : 'private'),
    ...(IpcMode !== '' && { ipc: joinedOf(IpcMode) ?? ipcOf(IpcMode) }),
    uts: UTSMode === 'host' ? 'host' : 'private',
    ...(CgroupnsMode !== '' && { cgroup: CgroupnsMode }),
    ...(UsernsMode === 'host' && { user: 'host' }),
    ...(ShmSize !== DEFAULT_SHM_SIZE_BYTES && { sharedMemoryBytes: ShmSize }),
    sysctls: Sysctls ?? {},
  };
}

function joinedOf(mode: string): JoinedNamespace | undefined {
  return mode.startsWith('container:') ? { container: mode.slice('container:'.length) } : undefined;
}

function ipcOf(mode: string): 'private' | 'shareable' | 'none' | 'host' {
  return mode === 'shareable' || mode === 'none' || mode === 'host' ? mode : 'private';
}

function deviceNode({ PathOnHost, PathInContainer, CgroupPermissions }: DeviceMapping) {
  return {
    hostPath: PathOnHost,
    path: PathInContainer || PathOnHost,
    access: CgroupPermissions || 'rwm',
  };
}

function deviceRequest(request: WireDeviceRequest): DeviceRequest {
  const { Driver, Count, DeviceIDs, Capabilities, Options } = request;
  return {
    driver: Driver,
    count: Count,
    ids: DeviceIDs ?? [],
    capabilities: (Capabilities ?? []).map((all) => all ?? []),
    options: Options ?? {},
  };
}

export function restartPolicyOf({ Name, MaximumRetryCount }: WireRestartPolicy): RestartPolicy {
  if (Name === 'on-failure') {
    return { kind: Name, ...(MaximumRetryCount > 0 && { maximumRetries: MaximumRetryCount }) };
  }
  return { kind: Name === '' ? 'no' : Name };
}
