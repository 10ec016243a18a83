/**
 * What a container is to be: the words of this domain, in which every wire, the library and the steps of builds say
 * it. It is plain data (JSON) and is stored as it is.
 *
 * Vocabulary. What is *absent* is left to the image, and where that is silent, to the engine or the kernel; what is
 * *empty* is chosen to be nothing. `createContainer` completes a spec: it merges it with the image's defaults, fits it
 * to the host, and keeps the result, so that a later change of the image or of the engine's defaults changes no
 * container that exists.
 *
 * ```ts
 * const spec = newContainerSpec('postgres:18', {
 *   process: { environment: ['POSTGRES_PASSWORD=secret'] },
 *   network: { ports: [{ port: 5432, protocol: 'tcp', hostAddress: '127.0.0.1' }] },
 *   removedOnExit: true,
 * });
 * ```
 */
import type { NetworkAttachment } from '#network/attachment.ts';
import type { ContainerPort } from '#base/ports.ts';
import type { PortRequest } from '#network/port-spec.ts';
import type { MountSpec } from './mount-spec.ts';

export interface ContainerSpec {
  /** The image's reference as the user gives it. */
  readonly image: string;
  readonly labels: Readonly<Record<string, string>>;
  /** For the OCI runtime and its hooks. */
  readonly annotations: Readonly<Record<string, string>>;
  /** Absent: the short id, or the host's name where the container shares the host's network. */
  readonly hostname?: string;
  readonly domainname?: string;
  readonly process: ProcessSpec;
  readonly root: RootSpec;
  readonly mounts: MountsSpec;
  readonly limits: ResourceLimits;
  readonly security: SecuritySpec;
  readonly namespaces: NamespacesSpec;
  readonly devices: DevicesSpec;
  readonly network: ContainerNetworkSpec;
  readonly log: LogSpec;
  readonly stop: StopSpec;
  readonly restart: RestartPolicy;
  readonly health?: HealthCheck;
  /** True: it is removed with its anonymous volumes when it has exited (`--rm`), and need not survive power loss. */
  readonly removedOnExit: boolean;
  /** Name of an OCI runtime. */
  readonly runtime?: string;
  /** What an image made of the container says besides. */
  readonly imageDefaults: ImageOnlyDefaults;
}

export interface ProcessSpec {
  /** Empty: no entrypoint, whatever the image has. */
  readonly entrypoint?: readonly string[];
  /** Follows the entrypoint. Absent: the image's, but none where an entrypoint is given here. */
  readonly command?: readonly string[];
  /** `NAME=value`, or `NAME` alone to have no such variable; they win over the image's. */
  readonly environment: readonly string[];
  /** Absolute. */
  readonly workingDirectory?: string;
  /** `user[:group]`, names of the image or numbers. */
  readonly user?: string;
  /** Further groups, names of the image or numbers. */
  readonly groups: readonly string[];
  readonly terminal: boolean;
  /** The terminal's size at the start. */
  readonly terminalSize?: TerminalSize;
  readonly stdin: StdinMode;
  /** A small init reaps orphans as PID 1. Absent: the engine's choice. */
  readonly init?: boolean;
  readonly ulimits: readonly ResourceLimit[];
  /** -1000 to 1000, see proc_pid_oom_score_adj(5). */
  readonly oomScoreAdjustment: number;
}

export interface TerminalSize {
  readonly rows: number;
  readonly columns: number;
}

/**
 * `closed`: there is none. `once`: it ends with the first client that was attached. `kept`: it never ends by itself.
 */
type StdinMode = 'closed' | 'once' | 'kept';

/** setrlimit(2). */
export interface ResourceLimit {
  /** Without `RLIMIT_`, in small letters: `nofile`. */
  readonly name: string;
  /** -1: unlimited. */
  readonly soft: number;
  readonly hard: number;
}

interface RootSpec {
  readonly readOnly: boolean;
  /** Options of the snapshot's driver, such as `size`. */
  readonly storageOptions: Readonly<Record<string, string>>;
}

export interface MountsSpec {
  /** Asked for one by one: no two have the same target. They win over what `from` and `anonymous` say. */
  readonly mounts: readonly MountSpec[];
  /** All mounts of other containers, except tmpfs. */
  readonly from: readonly { readonly container: string; readonly readOnly: boolean }[];
  /** Absolute paths that get a volume without a name, besides those of the image. */
  readonly anonymous: readonly string[];
  /** Driver of anonymous volumes; absent: `local`. */
  readonly volumeDriver?: string;
}

/** Limits of the container's cgroup. An absent one is unlimited, or the kernel's default. */
export interface ResourceLimits {
  readonly memoryBytes?: number;
  readonly memoryReservationBytes?: number;
  /** Memory and swap together; -1: unlimited; absent: twice the memory. */
  readonly memorySwapBytes?: number;
  /** 0 to 100; cgroup v1 only. */
  readonly swappiness?: number;
  /** cgroup v1 only. */
  readonly oomKillerDisabled?: boolean;
  /** Billionths of one processor's time. Excludes `cpuPeriodUs` and `cpuQuotaUs`. */
  readonly nanoCpus?: number;
  /** Weight against others. */
  readonly cpuShares?: number;
  readonly cpuPeriodUs?: number;
  /** Processor time in each period; with several processors it may exceed the period. */
  readonly cpuQuotaUs?: number;
  readonly cpuRealtimePeriodUs?: number;
  readonly cpuRealtimeRuntimeUs?: number;
  /** `0-3,5`, see cpuset(7). */
  readonly cpus?: string;
  /** NUMA nodes, in the same form. */
  readonly memoryNodes?: string;
  /** Processes and threads; -1: unlimited, so that an update can take a limit away. */
  readonly pids?: number;
  /** 10 to 1000. */
  readonly blockIoWeight?: number;
  readonly blockIoDeviceWeights?: readonly { readonly path: string; readonly weight: number }[];
  readonly blockIoReadBytesPerSecond?: readonly DeviceRate[];
  readonly blockIoWriteBytesPerSecond?: readonly DeviceRate[];
  readonly blockIoReadsPerSecond?: readonly DeviceRate[];
  readonly blockIoWritesPerSecond?: readonly DeviceRate[];
  /** Absolute, below the root of every hierarchy; absent: the engine's. */
  readonly cgroupParent?: string;
}

export interface DeviceRate {
  /** The path of a block device of the host. */
  readonly path: string;
  readonly rate: number;
}

export interface SecuritySpec {
  /** All capabilities and devices, no filter of system calls, no protected paths. */
  readonly privileged: boolean;
  /** With or without `CAP_`, or `ALL`. */
  readonly addedCapabilities: readonly string[];
  readonly droppedCapabilities: readonly string[];
  /** Absent: the engine's choice. */
  readonly noNewPrivileges?: boolean;
  readonly seccomp: SeccompChoice;
  /** Paths that processes must not see. Absent: the usual ones, none for privileged containers. */
  readonly maskedPaths?: readonly string[];
  /** Paths that processes may see but not change. Absent: the usual ones, none for privileged containers. */
  readonly readOnlyPaths?: readonly string[];
}

/** `default`: the engine's, none for privileged containers. */
export type SeccompChoice =
  | { readonly kind: 'default' }
  | { readonly kind: 'unconfined' }
  /** A whole profile in Docker's format, as JSON. */
  | { readonly kind: 'profile'; readonly json: string };

/** Another container's namespace; by its id once the spec is complete. */
export interface JoinedNamespace {
  readonly container: string;
}

export interface NamespacesSpec {
  readonly pid: 'private' | 'host' | JoinedNamespace;
  /** `shareable`: others may join it. `none`: private, and without `/dev/shm`. Absent: the engine's choice. */
  readonly ipc?: 'private' | 'shareable' | 'none' | 'host' | JoinedNamespace;
  readonly uts: 'private' | 'host';
  /** Absent: private with cgroup v2, the host's otherwise. */
  readonly cgroup?: 'private' | 'host';
  /** Absent: the engine's choice. */
  readonly user?: 'host';
  /** Size of `/dev/shm`; absent: the engine's choice. */
  readonly sharedMemoryBytes?: number;
  /** Kernel parameters of the namespaces (sysctl(8)). */
  readonly sysctls: Readonly<Record<string, string>>;
}

interface DevicesSpec {
  readonly nodes: readonly DeviceNode[];
  /** `c 1:3 rwm`: what the cgroup allows besides. */
  readonly cgroupRules: readonly string[];
  /** Devices by what they can do, which a driver chooses. */
  readonly requests: readonly DeviceRequest[];
}

export interface DeviceNode {
  /** A device, or a directory with devices. */
  readonly hostPath: string;
  readonly path: string;
  /** Some of `rwm`. */
  readonly access: string;
}

export interface DeviceRequest {
  readonly driver: string;
  /** -1: all. */
  readonly count: number;
  readonly ids: readonly string[];
  /** Alternatives: a device must have all capabilities of one of them. */
  readonly capabilities: readonly (readonly string[])[];
  readonly options: Readonly<Record<string, string>>;
}

export interface ContainerNetworkSpec {
  readonly mode: NetworkMode;
  /** What the image or the user says that the container serves; opens nothing. */
  readonly exposedPorts: readonly ContainerPort[];
  readonly ports: readonly PortRequest[];
  /** Each exposed port without a request of its own gets a free port of the host. */
  readonly publishesAll: boolean;
  readonly dnsServers: readonly string[];
  readonly dnsSearch: readonly string[];
  readonly dnsOptions: readonly string[];
  /** `name:address`; the address `host-gateway` stands for the host. */
  readonly extraHosts: readonly string[];
  /** The address of the first interface; absent: derived from its IP address. */
  readonly macAddress?: string;
  /** Containers that it knows by aliases, on the default network. */
  readonly links?: readonly ContainerLink[];
}

export interface ContainerLink {
  /** An id, once the container that has the link exists; name, id or prefix before. */
  readonly container: string;
  /** What that container was called when the link was made. */
  readonly name?: string;
  readonly alias: string;
}

export type NetworkMode =
  /**
   * A namespace with an interface for each attachment; the first gives the default route. Without any it is on the
   * engine's default network.
   */
  | { readonly kind: 'attached'; readonly attachments: readonly NetworkAttachment[] }
  /** A namespace with loopback only. */
  | { readonly kind: 'none' }
  /** The same for one that was taken off its last network: it may be put on others. */
  | { readonly kind: 'unconnected' }
  | { readonly kind: 'host' }
  /** Shares another container's. */
  | { readonly kind: 'joined'; readonly container: string };

export interface LogSpec {
  /** Absent: the engine's, with its options. */
  readonly driver?: string;
  readonly options: Readonly<Record<string, string>>;
}

interface StopSpec {
  /** Name or number; absent: SIGTERM. */
  readonly signal?: string;
  /** Before SIGKILL; -1: never; absent: the engine's choice. */
  readonly timeoutSeconds?: number;
}

export type RestartPolicy =
  | { readonly kind: 'no' }
  | { readonly kind: 'always' }
  /** Also after a restart of the engine, but not where a user stopped it. */
  | { readonly kind: 'unless-stopped' }
  /** Absent: without limit. */
  | { readonly kind: 'on-failure'; readonly maximumRetries?: number };

export interface HealthCheck {
  readonly probe?: HealthProbe;
  readonly intervalNs?: number;
  readonly timeoutNs?: number;
  /** Failures that count in a row before the container is unhealthy. */
  readonly retries?: number;
  /** Failures since the start of the container that do not count. */
  readonly startPeriodNs?: number;
  /** Between probes in that time. */
  readonly startIntervalNs?: number;
}

export type HealthProbe =
  /** The image's is switched off. */
  | { readonly kind: 'none' }
  | { readonly kind: 'command'; readonly words: readonly string[] }
  /** By the image's shell, else `/bin/sh -c`. */
  | { readonly kind: 'shell'; readonly words: readonly string[] };

/** What has a meaning only for builds on an image that is made of the container. */
interface ImageOnlyDefaults {
  readonly onBuild: readonly string[];
  readonly shell?: readonly string[];
  readonly argumentsEscaped?: boolean;
}
