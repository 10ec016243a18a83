/**
 * Step 4 of the containers' metadata: records kept Docker's request, merged and completed, as what a container is. They
 * get a spec, and keep the request beside it.
 *
 * Both forms stand here as they were when this step was made; later steps start from there.
 */
import type { DatabaseSync } from 'node:sqlite';
import { isObject } from '#base/json.ts';
import { containerError } from '../container-errors.ts';
import type { OldConfig, OldEndpoint, OldHostConfig, OldMount, OldRecord } from './docker-record-types.ts';
import { limitsOf } from './docker-record-limits.ts';
import { securityOf } from './docker-record-security.ts';

export function rewriteDockerRecords(database: DatabaseSync): void {
  const rows = database.prepare('SELECT sequence, definition FROM container_containers').all();
  const update = database.prepare('UPDATE container_containers SET definition = ? WHERE sequence = ?');
  for (const { sequence, definition } of rows) {
    const record: unknown = JSON.parse(String(definition));
    if (!isOldRecord(record))
      throw containerError('container-record-damaged', { details: { damage: 'it is none of version 3' } });
    update.run(JSON.stringify(rewriteDockerRecord(record)), Number(sequence));
  }
}

/** Only the engine wrote records: the outline is enough to know them. */
function isOldRecord(value: unknown): value is OldRecord {
  return isObject(value) && 'config' in value && 'hostConfig' in value;
}

function rewriteDockerRecord(record: OldRecord): object {
  const { id, name, createdAt, imageId, config, hostConfig, usesDefaultLog, endpoints, mounts } = record;
  const asked = usesDefaultLog ? { ...hostConfig.LogConfig, Type: '' } : hostConfig.LogConfig;
  return {
    id,
    name,
    createdAt,
    imageId,
    spec: specOf(record),
    requested: {
      config,
      hostConfig: { ...hostConfig, LogConfig: asked },
      networkingConfig: { EndpointsConfig: endpoints },
    },
    mounts,
  };
}

function specOf({ config, hostConfig: host, endpoints, mounts }: OldRecord): object {
  const { type, options } = { type: host.LogConfig.Type, options: host.LogConfig.Config ?? {} };
  return {
    image: config.Image,
    labels: config.Labels ?? {},
    annotations: host.Annotations ?? {},
    ...(config.Hostname !== '' && { hostname: config.Hostname }),
    ...(config.Domainname !== '' && { domainname: config.Domainname }),
    process: processOf(config, host),
    root: { readOnly: host.ReadonlyRootfs, storageOptions: host.StorageOpt ?? {} },
    mounts: {
      mounts: mounts.mounts.filter((mount) => mount.type !== 'volume' || !mount.anonymous).map(mountOf),
      from: [],
      anonymous: Object.keys(config.Volumes ?? {}),
      ...(host.VolumeDriver !== '' && { volumeDriver: host.VolumeDriver }),
    },
    limits: limitsOf(host),
    security: securityOf(host),
    namespaces: namespacesOf(host),
    devices: devicesOf(host),
    network: networkOf(config, host, endpoints),
    log: { driver: type, options },
    stop: {
      ...(config.StopSignal && { signal: config.StopSignal }),
      ...(config.StopTimeout !== undefined && { timeoutSeconds: config.StopTimeout }),
    },
    restart: restartOf(host),
    ...(config.Healthcheck && { health: healthOf(config.Healthcheck) }),
    removedOnExit: host.AutoRemove,
    ...(host.Runtime && { runtime: host.Runtime }),
    imageDefaults: {
      onBuild: config.OnBuild ?? [],
      ...(config.Shell && { shell: config.Shell }),
      ...(config.ArgsEscaped !== undefined && { argumentsEscaped: config.ArgsEscaped }),
    },
  };
}

function processOf(config: OldConfig, host: OldHostConfig): object {
  const [rows, columns] = host.ConsoleSize;
  const stdin = config.StdinOnce ? 'once' : 'kept';
  return {
    ...(config.Entrypoint && { entrypoint: config.Entrypoint }),
    ...(config.Cmd && { command: config.Cmd }),
    environment: config.Env ?? [],
    ...(config.WorkingDir !== '' && { workingDirectory: config.WorkingDir }),
    ...(config.User !== '' && { user: config.User }),
    groups: host.GroupAdd ?? [],
    terminal: config.Tty,
    ...(rows > 0 && columns > 0 && { terminalSize: { rows, columns } }),
    stdin: config.OpenStdin ? stdin : 'closed',
    init: host.Init ?? false,
    ulimits: (host.Ulimits ?? []).map(({ Name, Soft, Hard }) => ({ name: Name, soft: Soft, hard: Hard })),
    oomScoreAdjustment: host.OomScoreAdj,
  };
}

function mountOf(mount: OldMount): object {
  const place = { type: mount.type, target: mount.destination, readOnly: mount.readonly };
  switch (mount.type) {
    case 'tmpfs':
      return { ...place, options: mount.options, shown: mount.shown };
    case 'bind':
      return {
        ...place,
        source: mount.source,
        createsSource: mount.createSource,
        recursive: mount.recursive,
        recursiveReadOnly: mount.readonlyRecursive,
        propagation: mount.propagation,
        writtenOptions: mount.mode,
      };
    case 'volume':
      return {
        ...place,
        name: mount.name,
        driver: mount.driver,
        ...(mount.request.driverOptions && { driverOptions: mount.request.driverOptions }),
        ...(mount.request.labels && { labels: mount.request.labels }),
        copyUp: mount.copyUp,
        writtenOptions: mount.mode,
      };
  }
}

function namespacesOf(host: OldHostConfig): object {
  const { PidMode, IpcMode, CgroupnsMode } = host;
  const isOther = IpcMode === 'shareable' || IpcMode === 'none' || IpcMode === 'host';
  return {
    pid: joinedOf(PidMode) ?? (PidMode === 'host' ? 'host' : 'private'),
    ipc: joinedOf(IpcMode) ?? (isOther ? IpcMode : 'private'),
    uts: host.UTSMode === 'host' ? 'host' : 'private',
    ...(CgroupnsMode !== '' && { cgroup: CgroupnsMode }),
    ...(host.UsernsMode === 'host' && { user: 'host' }),
    sharedMemoryBytes: host.ShmSize,
    sysctls: host.Sysctls ?? {},
  };
}

function joinedOf(mode: string): { readonly container: string } | undefined {
  return mode.startsWith('container:') ? { container: mode.slice('container:'.length) } : undefined;
}

function devicesOf(host: OldHostConfig): object {
  return {
    nodes: (host.Devices ?? []).map(({ PathOnHost, PathInContainer, CgroupPermissions }) => ({
      hostPath: PathOnHost,
      path: PathInContainer || PathOnHost,
      access: CgroupPermissions || 'rwm',
    })),
    cgroupRules: host.DeviceCgroupRules ?? [],
    requests: (host.DeviceRequests ?? []).map(({ Driver, Count, DeviceIDs, Capabilities, Options }) => ({
      driver: Driver ?? '',
      count: Count ?? 0,
      ids: DeviceIDs ?? [],
      capabilities: (Capabilities ?? []).map((all) => all ?? []),
      options: Options ?? {},
    })),
  };
}

function networkOf(
  config: OldConfig,
  host: OldHostConfig,
  endpoints: Readonly<Record<string, OldEndpoint>>,
): object {
  return {
    mode: config.NetworkDisabled ? { kind: 'none' } : modeOf(host.NetworkMode, endpoints),
    exposedPorts: Object.keys(config.ExposedPorts ?? {}).flatMap((port) => portOf(port) ?? []),
    ports: Object.entries(host.PortBindings ?? {}).flatMap(([port, bindings]) =>
      (bindings ?? []).flatMap((binding) => publishedPort(port, binding)),
    ),
    publishesAll: host.PublishAllPorts,
    dnsServers: host.Dns ?? [],
    dnsSearch: host.DnsSearch ?? [],
    dnsOptions: host.DnsOptions ?? [],
    extraHosts: host.ExtraHosts ?? [],
    ...(config.MacAddress && { macAddress: config.MacAddress }),
  };
}

function modeOf(mode: string, endpoints: Readonly<Record<string, OldEndpoint>>): object {
  if (mode === 'none' || mode === 'host') return { kind: mode };
  const joined = joinedOf(mode);
  if (joined) return { kind: 'joined', ...joined };
  const others = Object.keys(endpoints).filter((name) => name !== mode && name !== 'default');
  return {
    kind: 'attached',
    attachments: [mode, ...others].map((name) => attachmentOf(name, endpoints[name])),
  };
}

function attachmentOf(network: string, endpoint: OldEndpoint | undefined): object {
  const { IPv4Address, IPv6Address, LinkLocalIPs } = endpoint?.IPAMConfig ?? {};
  return {
    network,
    aliases: endpoint?.Aliases ?? [],
    ...(IPv4Address && { ipv4Address: IPv4Address }),
    ...(IPv6Address && { ipv6Address: IPv6Address }),
    linkLocalAddresses: LinkLocalIPs ?? [],
    ...(endpoint?.MacAddress && { macAddress: endpoint.MacAddress }),
    driverOptions: endpoint?.DriverOpts ?? {},
  };
}

/** Only an image can have said what is not a port; such a container never started. */
function portOf(text: string): { readonly port: number; readonly protocol: string } | undefined {
  const [, port, protocol = 'tcp'] = /^(\d{1,5})(?:\/(tcp|udp|sctp))?$/.exec(text) ?? [];
  return port === undefined ? undefined : { port: Number(port), protocol };
}

function publishedPort(
  text: string,
  { HostIp, HostPort }: { readonly HostIp: string; readonly HostPort: string },
): readonly object[] {
  const port = portOf(text);
  if (!port) return [];
  const [first = '', last = first] = HostPort.split('-');
  const hostPorts = { first: Number(first), last: Number(last) };
  return [{ ...port, hostAddress: HostIp, ...(hostPorts.first > 0 && { hostPorts }) }];
}

function restartOf({ RestartPolicy: { Name, MaximumRetryCount } }: OldHostConfig): object {
  if (Name !== 'on-failure') return { kind: Name || 'no' };
  return { kind: Name, ...(MaximumRetryCount > 0 && { maximumRetries: MaximumRetryCount }) };
}

function healthOf(check: NonNullable<OldConfig['Healthcheck']>): object {
  const { Test, Interval, Timeout, Retries, StartPeriod, StartInterval } = check;
  return {
    ...(Test && Test.length > 0 && { probe: probeOf(Test) }),
    ...(Interval && { intervalNs: Interval }),
    ...(Timeout && { timeoutNs: Timeout }),
    ...(Retries && { retries: Retries }),
    ...(StartPeriod && { startPeriodNs: StartPeriod }),
    ...(StartInterval && { startIntervalNs: StartInterval }),
  };
}

function probeOf([kind, ...words]: readonly string[]): object {
  if (kind === 'CMD') return { kind: 'command', words };
  return kind === 'CMD-SHELL' ? { kind: 'shell', words } : { kind: 'none' };
}
