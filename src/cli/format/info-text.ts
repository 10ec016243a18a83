import { binarySize } from './sizes.ts';

/** The fields of `GET /info` that are shown. */
export interface EngineInfo {
  readonly Containers: number;
  readonly ContainersRunning: number;
  readonly ContainersPaused: number;
  readonly ContainersStopped: number;
  readonly Images: number;
  readonly ServerVersion: string;
  readonly Driver: string;
  readonly DriverStatus: readonly (readonly [string, string])[] | null;
  readonly LoggingDriver: string;
  readonly CgroupDriver: string;
  readonly CgroupVersion: string;
  readonly Plugins: {
    readonly Volume: readonly string[] | null;
    readonly Network: readonly string[] | null;
    readonly Log: readonly string[] | null;
  };
  readonly Swarm: { readonly LocalNodeState: string };
  readonly Runtimes: Readonly<Record<string, object>> | null;
  readonly DefaultRuntime: string;
  readonly InitBinary: string;
  readonly ContainerdCommit: { readonly ID: string };
  readonly RuncCommit: { readonly ID: string };
  readonly InitCommit: { readonly ID: string };
  readonly SecurityOptions: readonly string[] | null;
  readonly KernelVersion: string;
  readonly OperatingSystem: string;
  readonly OSType: string;
  readonly Architecture: string;
  readonly NCPU: number;
  readonly MemTotal: number;
  readonly Name: string;
  readonly ID: string;
  readonly DockerRootDir: string;
  readonly Debug: boolean;
  readonly NFd: number;
  readonly NGoroutines: number;
  readonly SystemTime: string;
  readonly NEventsListener: number;
  readonly HttpProxy: string;
  readonly HttpsProxy: string;
  readonly NoProxy: string;
  readonly Labels: readonly string[] | null;
  readonly ExperimentalBuild: boolean;
  readonly RegistryConfig: {
    readonly InsecureRegistryCIDRs: readonly string[] | null;
    readonly IndexConfigs: Readonly<Record<string, { readonly Secure: boolean }>> | null;
    readonly Mirrors: readonly string[] | null;
  } | null;
  readonly LiveRestoreEnabled: boolean;
  readonly ProductLicense: string;
  readonly DefaultAddressPools: readonly { readonly Base: string; readonly Size: number }[] | null;
  readonly Warnings: readonly string[] | null;
}

export function clientInfoText(info: {
  readonly Version: string;
  readonly Context: string;
  readonly Debug: boolean;
}): string {
  return `Client: Caisson\n Version:    ${info.Version}\n Context:    ${info.Context}\n Debug Mode: ${info.Debug}\n`;
}

/** `docker info`'s lines about the engine, those left out that would be empty. */
export function infoText(info: EngineInfo): string {
  const lines = [
    ...counts(info),
    ...driver(info),
    line('Logging Driver', info.LoggingDriver),
    line('Cgroup Driver', info.CgroupDriver),
    line('Cgroup Version', info.CgroupVersion),
    ...plugins(info),
    line('Swarm', info.Swarm?.LocalNodeState ?? 'inactive'),
    line(
      'Runtimes',
      Object.keys(info.Runtimes ?? {})
        .toSorted()
        .join(' '),
    ),
    line('Default Runtime', info.DefaultRuntime),
    line('Init Binary', info.InitBinary),
    line('containerd version', info.ContainerdCommit?.ID),
    line('runc version', info.RuncCommit?.ID),
    line('init version', info.InitCommit?.ID),
    ...security(info),
    line('Kernel Version', info.KernelVersion),
    line('Operating System', info.OperatingSystem),
    line('OSType', info.OSType),
    line('Architecture', info.Architecture),
    ` CPUs: ${info.NCPU}\n`,
    ` Total Memory: ${binarySize(info.MemTotal)}\n`,
    line('Name', info.Name),
    line('ID', info.ID),
    line('Docker Root Dir', info.DockerRootDir),
    ` Debug Mode: ${info.Debug}\n`,
    ...debugging(info),
    line('HTTP Proxy', info.HttpProxy),
    line('HTTPS Proxy', info.HttpsProxy),
    line('No Proxy', info.NoProxy),
    ...block('Labels', info.Labels ?? []),
    ` Experimental: ${info.ExperimentalBuild}\n`,
    ...registries(info),
    ` Live Restore Enabled: ${info.LiveRestoreEnabled}\n`,
    line('Product License', info.ProductLicense),
    ...pools(info),
  ];
  return lines.join('');
}

function line(name: string, value: string | undefined, indent = ' '): string {
  return value ? `${indent}${name}: ${value}\n` : '';
}

function block(title: string, rows: readonly string[]): readonly string[] {
  return rows.length === 0 ? [] : [` ${title}:\n`, ...rows.map((row) => `  ${row}\n`)];
}

function counts(info: EngineInfo): readonly string[] {
  return [
    ` Containers: ${info.Containers}\n`,
    `  Running: ${info.ContainersRunning}\n`,
    `  Paused: ${info.ContainersPaused}\n`,
    `  Stopped: ${info.ContainersStopped}\n`,
    ` Images: ${info.Images}\n`,
    line('Server Version', info.ServerVersion),
  ];
}

function driver({ Driver, DriverStatus }: EngineInfo): readonly string[] {
  return [
    line('Storage Driver', Driver),
    ...(DriverStatus ?? []).map(([name, value]) => `  ${name}: ${value}\n`),
  ];
}

function plugins({ Plugins }: EngineInfo): readonly string[] {
  if (!Plugins) return [];
  return [
    ' Plugins:\n',
    pluginLine('Volume', Plugins.Volume),
    pluginLine('Network', Plugins.Network),
    pluginLine('Log', Plugins.Log),
  ];
}

function pluginLine(name: string, list: readonly string[] | null): string {
  return line(name, (list ?? []).join(' '), '  ');
}

/** `name=seccomp,profile=builtin` becomes a name with its options under it. */
function security({ SecurityOptions }: EngineInfo): readonly string[] {
  const options = (SecurityOptions ?? []).flatMap((text) => {
    const pairs = text.split(',').map((pair) => pair.split('='));
    const name = pairs.find(([key]) => key === 'name')?.[1] ?? text;
    const rest = pairs.filter(([key]) => key !== 'name');
    return [
      `  ${name}\n`,
      ...rest.map(([key = '', value]) => `   ${key.charAt(0).toUpperCase()}${key.slice(1)}: ${value}\n`),
    ];
  });
  return options.length === 0 ? [] : [' Security Options:\n', ...options];
}

function debugging(info: EngineInfo): readonly string[] {
  if (!info.Debug) return [];
  return [
    `  File Descriptors: ${info.NFd}\n`,
    `  Goroutines: ${info.NGoroutines}\n`,
    `  System Time: ${info.SystemTime}\n`,
    `  EventsListeners: ${info.NEventsListener}\n`,
  ];
}

function registries({ RegistryConfig }: EngineInfo): readonly string[] {
  if (!RegistryConfig) return [];
  const insecure = Object.entries(RegistryConfig.IndexConfigs ?? {})
    .filter(([, { Secure }]) => !Secure)
    .map(([name]) => name);
  return [
    ...block('Insecure Registries', [...insecure, ...(RegistryConfig.InsecureRegistryCIDRs ?? [])]),
    ...block('Registry Mirrors', RegistryConfig.Mirrors ?? []),
  ];
}

function pools({ DefaultAddressPools }: EngineInfo): readonly string[] {
  return block(
    'Default Address Pools',
    (DefaultAddressPools ?? []).map(({ Base, Size }) => `Base: ${Base}, Size: ${Size}`),
  );
}
