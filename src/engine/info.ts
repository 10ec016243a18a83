import { readdirSync } from 'node:fs';
import { cpus, hostname, release, totalmem } from 'node:os';
import { readIfThere } from '#linux/read-if-there.ts';
import { ENGINE_VERSION } from './version.ts';

/** What the engine knows of itself when it is asked for `GET /info`. */
export interface InfoFacts {
  readonly id: string;
  readonly containers: { readonly running: number; readonly paused: number; readonly stopped: number };
  readonly images: number;
  readonly root: string;
  readonly storage: readonly (readonly [string, string])[];
  readonly logDrivers: readonly string[];
  readonly logDriver: string;
  readonly cgroup: { readonly version: '1' | '2'; readonly controllers: ReadonlySet<string> };
  readonly runtime: { readonly name: string; readonly path: string; readonly version: string };
  readonly otherRuntime: { readonly name: string; readonly path: string } | undefined;
  readonly initPath: string;
  readonly seccomp: boolean;
  readonly labels: readonly string[];
  readonly experimental: boolean;
  readonly eventListeners: number;
  readonly warnings: readonly string[];
}

/** The body of `GET /info` (Docker API `SystemInfo`). */
export function systemInfo(facts: InfoFacts): Readonly<Record<string, unknown>> {
  return { ...engineFields(facts), ...kernelFields(facts), ...absentFields() };
}

function engineFields(facts: InfoFacts): Record<string, unknown> {
  const { running, paused, stopped } = facts.containers;
  const { name, path, version } = facts.runtime;
  const { otherRuntime } = facts;
  return {
    ID: facts.id,
    Containers: running + paused + stopped,
    ContainersRunning: running,
    ContainersPaused: paused,
    ContainersStopped: stopped,
    Images: facts.images,
    Driver: 'overlay',
    DriverStatus: facts.storage,
    Plugins: {
      Volume: ['local'],
      Network: ['bridge', 'host', 'null'],
      Authorization: null,
      Log: facts.logDrivers,
    },
    LoggingDriver: facts.logDriver,
    CgroupDriver: 'cgroupfs',
    CgroupVersion: facts.cgroup.version,
    NEventsListener: facts.eventListeners,
    DockerRootDir: facts.root,
    Labels: facts.labels,
    ExperimentalBuild: facts.experimental,
    ServerVersion: ENGINE_VERSION,
    Runtimes: { [name]: { path }, ...(otherRuntime && { [otherRuntime.name]: { path: otherRuntime.path } }) },
    DefaultRuntime: name,
    RuncCommit: { ID: `${name} ${version}`, Expected: `${name} ${version}` },
    InitBinary: facts.initPath,
    InitCommit: { ID: '', Expected: '' },
    SecurityOptions: facts.seccomp ? ['name=seccomp,profile=builtin'] : [],
    Warnings: facts.warnings.length > 0 ? facts.warnings : null,
    LiveRestoreEnabled: true,
    Debug: false,
    NFd: countOpenFiles(),
    NGoroutines: 1,
    SystemTime: new Date().toISOString(),
  };
}

function kernelFields(facts: InfoFacts): Record<string, unknown> {
  const { version, controllers } = facts.cgroup;
  const system = readOsRelease();
  return {
    MemoryLimit: controllers.has('memory'),
    SwapLimit: controllers.has('memory'),
    CpuCfsPeriod: controllers.has('cpu'),
    CpuCfsQuota: controllers.has('cpu'),
    CPUShares: controllers.has('cpu'),
    CPUSet: controllers.has('cpuset'),
    PidsLimit: controllers.has('pids'),
    OomKillDisable: version === '1' && controllers.has('memory'),
    IPv4Forwarding: readFlag('/proc/sys/net/ipv4/ip_forward'),
    BridgeNfIptables: readFlag('/proc/sys/net/bridge/bridge-nf-call-iptables'),
    BridgeNfIp6tables: readFlag('/proc/sys/net/bridge/bridge-nf-call-ip6tables'),
    KernelVersion: release(),
    OperatingSystem: system.get('PRETTY_NAME') ?? 'Linux',
    OSVersion: system.get('VERSION_ID') ?? '',
    OSType: 'linux',
    Architecture: unameMachine(),
    NCPU: cpus().length,
    MemTotal: totalmem(),
    Name: hostname(),
  };
}

/** What the engine does not have, in the form in which clients expect to find it absent. */
function absentFields(): Record<string, unknown> {
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
    HttpProxy: process.env['HTTP_PROXY'] ?? '',
    HttpsProxy: process.env['HTTPS_PROXY'] ?? '',
    NoProxy: process.env['NO_PROXY'] ?? '',
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

function readOsRelease(): ReadonlyMap<string, string> {
  for (const path of ['/etc/os-release', '/usr/lib/os-release']) {
    const text = readIfThere(path);
    if (text === undefined) continue;
    return new Map(
      [...text.matchAll(/^([A-Z_]+)="?([^"\n]*)"?$/gm)].map(([, name = '', value = '']) => [name, value]),
    );
  }
  return new Map();
}

function unameMachine(): string {
  return process.arch === 'x64' ? 'x86_64' : process.arch === 'arm64' ? 'aarch64' : process.arch;
}

function readFlag(path: string): boolean {
  return readIfThere(path)?.trim() === '1';
}

function countOpenFiles(): number {
  try {
    return readdirSync('/proc/self/fd').length;
  } catch {
    return -1;
  }
}
