import type { EngineInfo } from '#engine/engine.ts';
import type { SystemInfo } from '#wire/system-info.ts';

/** The body of `GET /info`. */
export function encodeInfo(info: EngineInfo): SystemInfo {
  return { ...engineFields(info), ...hostFields(info), ...absentFields(info) };
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
    Driver: 'overlay',
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
    RegistryConfig: {
      InsecureRegistryCIDRs: ['::1/128', '127.0.0.0/8'],
      IndexConfigs: {
        'docker.io': { Name: 'docker.io', Mirrors: [], Secure: true, Official: true },
      },
      Mirrors: null,
    },
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
