import type { EngineInfo } from '#engine/engine.ts';
import type { SystemInfo } from '#wire/system-info.ts';
import { STORAGE_DRIVER } from './storage-driver.ts';

/** The body of `GET /info`. */
export function encodeInfo(info: EngineInfo): SystemInfo {
  return {
    ...engineFields(info),
    ...hostFields(info),
    RegistryConfig: encodeRegistries(info),
    ...absentFields(info),
  };
}

/** Networks of insecure registries are told apart from their hosts. */
function encodeRegistries({ registries }: EngineInfo): SystemInfo['RegistryConfig'] {
  const mirrors = registries.mirrors.map((url) => (url.endsWith('/') ? url : `${url}/`));
  const hosts = registries.insecure.filter((text) => !isNetwork(text));
  const networks = ['::1/128', '127.0.0.0/8', ...registries.insecure.filter(isNetwork)];
  const indexes = hosts.map((name) => ({ Name: name, Mirrors: [], Secure: false, Official: false }));
  const hub = { Name: 'docker.io', Mirrors: mirrors, Secure: true, Official: true };
  return {
    AllowNondistributableArtifactsCIDRs: null,
    AllowNondistributableArtifactsHostnames: null,
    InsecureRegistryCIDRs: networks,
    IndexConfigs: Object.fromEntries([hub, ...indexes].map((index) => [index.Name, index])),
    Mirrors: mirrors.length > 0 ? mirrors : null,
  };
}

function isNetwork(registry: string): boolean {
  return registry.includes('/');
}

function engineFields(info: EngineInfo) {
  const { running, paused, stopped } = info.containers;
  const { name, version } = info.version.runtime;
  return {
    ID: info.id,
    Containers: running + paused + stopped,
    ContainersRunning: running,
    ContainersPaused: paused,
    ContainersStopped: stopped,
    Images: info.images,
    Driver: STORAGE_DRIVER,
    DriverStatus: [['Layers', info.layers]] as const,
    Plugins: {
      Volume: ['local'],
      Network: ['bridge', 'host', 'null'],
      Authorization: null,
      Log: info.logDrivers,
    },
    LoggingDriver: info.logDriver,
    CgroupDriver: 'cgroupfs',
    CgroupVersion: info.cgroup.version,
    NEventsListener: info.eventListeners,
    DockerRootDir: info.root,
    Labels: info.labels,
    ExecutionDriver: '<not supported>',
    FirewallBackend: { Driver: 'nftables' },
    ExperimentalBuild: info.version.isExperimental,
    ServerVersion: info.version.version,
    Runtimes: Object.fromEntries(info.runtimes.map((runtime) => [runtime.name, { path: runtime.path }])),
    DefaultRuntime: name,
    RuncCommit: { ID: `${name} ${version}`, Expected: `${name} ${version}` },
    InitBinary: info.initPath,
    InitCommit: { ID: '', Expected: '' },
    SecurityOptions: info.hasSeccomp ? ['name=seccomp,profile=builtin'] : [],
    Warnings: info.warnings.length > 0 ? info.warnings : null,
    LiveRestoreEnabled: true,
    Debug: false,
    NFd: info.openFiles,
    NGoroutines: 1,
    SystemTime: new Date().toISOString(),
  };
}

function hostFields({ host, cgroup, version }: EngineInfo) {
  const { controllers } = cgroup;
  return {
    MemoryLimit: controllers.has('memory'),
    SwapLimit: controllers.has('memory'),
    CpuCfsPeriod: controllers.has('cpu'),
    CpuCfsQuota: controllers.has('cpu'),
    CPUShares: controllers.has('cpu'),
    CPUSet: controllers.has('cpuset'),
    PidsLimit: controllers.has('pids'),
    OomKillDisable: cgroup.version === '1' && controllers.has('memory'),
    IPv4Forwarding: host.forwardsIpv4,
    BridgeNfIptables: host.filtersBridgedIpv4,
    BridgeNfIp6tables: host.filtersBridgedIpv6,
    KernelVersion: version.kernel,
    OperatingSystem: host.operatingSystem,
    OSVersion: host.operatingSystemVersion,
    OSType: 'linux',
    Architecture: host.machine,
    NCPU: host.processors,
    MemTotal: host.memoryBytes,
    Name: host.name,
  } as const;
}

/** What the engine does not have, in the form in which clients expect to find it absent. */
function absentFields({ proxies }: EngineInfo) {
  return {
    IndexServerAddress: 'https://index.docker.io/v1/',
    GenericResources: null,
    HttpProxy: proxies.http,
    HttpsProxy: proxies.https,
    NoProxy: proxies.none,
    Swarm: {
      NodeID: '',
      NodeAddr: '',
      LocalNodeState: 'inactive',
      ControlAvailable: false,
      Error: '',
      RemoteManagers: null,
    },
    Isolation: '',
    ContainerdCommit: { ID: '', Expected: '' },
    CDISpecDirs: [],
  };
}
