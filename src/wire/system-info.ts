/** `GET /info`. */
export interface SystemInfo {
  readonly ID: string;
  readonly Containers: number;
  readonly ContainersRunning: number;
  readonly ContainersPaused: number;
  readonly ContainersStopped: number;
  readonly Images: number;
  readonly Driver: string;
  readonly DriverStatus: readonly (readonly [name: string, value: string])[];
  readonly Plugins: Readonly<
    Record<'Volume' | 'Network' | 'Authorization' | 'Log', readonly string[] | null>
  >;
  readonly LoggingDriver: string;
  readonly CgroupDriver: string;
  readonly CgroupVersion: '1' | '2';
  readonly NEventsListener: number;
  readonly DockerRootDir: string;
  readonly Labels: readonly string[];
  readonly ExperimentalBuild: boolean;
  readonly ServerVersion: string;
  readonly ExecutionDriver: string;
  readonly Runtimes: Readonly<Record<string, { readonly path: string }>>;
  readonly DefaultRuntime: string;
  readonly RuncCommit: Commit;
  readonly InitBinary: string;
  readonly InitCommit: Commit;
  readonly ContainerdCommit: Commit;
  readonly SecurityOptions: readonly string[];
  readonly Warnings: readonly string[] | null;
  readonly LiveRestoreEnabled: boolean;
  readonly Debug: boolean;
  readonly NFd: number;
  readonly NGoroutines: number;
  /** RFC 3339. */
  readonly SystemTime: string;
  readonly MemoryLimit: boolean;
  readonly SwapLimit: boolean;
  readonly CpuCfsPeriod: boolean;
  readonly CpuCfsQuota: boolean;
  readonly CPUShares: boolean;
  readonly CPUSet: boolean;
  readonly PidsLimit: boolean;
  readonly OomKillDisable: boolean;
  readonly IPv4Forwarding: boolean;
  readonly BridgeNfIptables: boolean;
  readonly BridgeNfIp6tables: boolean;
  readonly KernelVersion: string;
  readonly OperatingSystem: string;
  readonly OSVersion: string;
  readonly OSType: 'linux';
  readonly Architecture: string;
  readonly NCPU: number;
  /** Bytes. */
  readonly MemTotal: number;
  readonly Name: string;
  readonly IndexServerAddress: string;
  readonly RegistryConfig: {
    readonly AllowNondistributableArtifactsCIDRs: null;
    readonly AllowNondistributableArtifactsHostnames: null;
    readonly InsecureRegistryCIDRs: readonly string[];
    readonly IndexConfigs: Readonly<Record<string, IndexConfig>>;
    readonly Mirrors: readonly string[] | null;
  };
  readonly GenericResources: null;
  readonly HttpProxy: string;
  readonly HttpsProxy: string;
  readonly NoProxy: string;
  readonly Swarm: SwarmInfo;
  readonly Isolation: string;
  readonly CDISpecDirs: readonly string[];
  readonly FirewallBackend: { readonly Driver: string };
}

interface Commit {
  readonly ID: string;
  readonly Expected: string;
}

interface IndexConfig {
  readonly Name: string;
  readonly Mirrors: readonly string[];
  readonly Secure: boolean;
  readonly Official: boolean;
}

interface SwarmInfo {
  readonly NodeID: string;
  readonly NodeAddr: string;
  readonly LocalNodeState: string;
  readonly ControlAvailable: boolean;
  readonly Error: string;
  readonly RemoteManagers: null;
}
