/**
 * The OCI runtime configuration, `config.json` (runtime-spec v1.2, config.md and config-linux.md): what the engine
 * writes and crun or runc reads. Only the parts that the engine uses.
 */
export interface RuntimeSpec {
  readonly ociVersion: string;
  readonly process: RuntimeProcess;
  readonly root: { readonly path: string; readonly readonly?: boolean };
  /** Absent: the host's, which needs the host's UTS namespace. */
  readonly hostname?: string;
  /** In this order. */
  readonly mounts: readonly RuntimeMount[];
  readonly annotations?: Readonly<Record<string, string>>;
  readonly linux: RuntimeLinux;
}

/** `process`; a file of its own (`process.json`) for exec. */
export interface RuntimeProcess {
  readonly terminal?: boolean;
  readonly consoleSize?: { readonly height: number; readonly width: number };
  readonly user: RuntimeUser;
  readonly args: readonly string[];
  readonly env: readonly string[];
  /** Absolute. */
  readonly cwd: string;
  readonly capabilities?: RuntimeCapabilities;
  readonly rlimits?: readonly RuntimeRlimit[];
  readonly noNewPrivileges?: boolean;
  readonly apparmorProfile?: string;
  readonly oomScoreAdj?: number;
}

interface RuntimeUser {
  readonly uid: number;
  readonly gid: number;
  readonly additionalGids?: readonly number[];
}

/** Names as `CAP_CHOWN` (capabilities(7)). */
interface RuntimeCapabilities {
  readonly bounding?: readonly string[];
  readonly effective?: readonly string[];
  readonly permitted?: readonly string[];
  readonly inheritable?: readonly string[];
  readonly ambient?: readonly string[];
}

/** `type` as `RLIMIT_NOFILE` (getrlimit(2)). */
export interface RuntimeRlimit {
  readonly type: string;
  readonly hard: number | bigint;
  readonly soft: number | bigint;
}

export interface RuntimeMount {
  readonly destination: string;
  readonly type: string;
  readonly source: string;
  readonly options: readonly string[];
}

export type NamespaceType = 'mount' | 'network' | 'uts' | 'pid' | 'ipc' | 'cgroup' | 'user' | 'time';

/** Without a path a new one; a namespace that is not listed is the runtime's own, so the host's. */
export interface RuntimeNamespace {
  readonly type: NamespaceType;
  readonly path?: string;
}

interface RuntimeLinux {
  readonly sysctl?: Readonly<Record<string, string>>;
  readonly resources: RuntimeResources;
  readonly cgroupsPath: string;
  readonly namespaces: readonly RuntimeNamespace[];
  readonly devices?: readonly RuntimeDevice[];
  readonly rootfsPropagation?: string;
  readonly maskedPaths?: readonly string[];
  readonly readonlyPaths?: readonly string[];
  readonly seccomp?: RuntimeSeccomp;
}

/** `c`: character, `b`: block, `p`: FIFO (mknod(1)). */
export interface RuntimeDevice {
  readonly path: string;
  readonly type: 'c' | 'b' | 'p';
  readonly major: number;
  readonly minor: number;
  /** Permission bits. */
  readonly fileMode: number;
  readonly uid: number;
  readonly gid: number;
}

/** A rule of the device cgroup; a later one wins. Without `type` for all of them, without numbers for any. */
export interface RuntimeDeviceRule {
  readonly allow: boolean;
  readonly type?: 'a' | 'c' | 'b';
  readonly major?: number;
  readonly minor?: number;
  /** Letters: `r` read, `w` write, `m` mknod. */
  readonly access: string;
}

/**
 * In the terms of cgroup v1 (config-linux.md#control-groups); runtimes convert them on v2. What is undefined is not in
 * the JSON, and so not limited.
 */
export interface RuntimeResources {
  readonly devices?: readonly RuntimeDeviceRule[] | undefined;
  readonly memory?: {
    /** Bytes; `swap` is memory and swap together. -1 is without limit. */
    readonly limit?: number | undefined;
    readonly reservation?: number | undefined;
    readonly swap?: number | undefined;
    readonly swappiness?: number | undefined;
    readonly disableOOMKiller?: boolean | undefined;
  };
  readonly cpu?: {
    readonly shares?: number | undefined;
    /** Microseconds in each period. */
    readonly quota?: number | undefined;
    readonly period?: number | undefined;
    readonly realtimeRuntime?: number | undefined;
    readonly realtimePeriod?: number | undefined;
    readonly cpus?: string | undefined;
    readonly mems?: string | undefined;
  };
  readonly pids?: { readonly limit: number } | undefined;
  readonly blockIO?: {
    readonly weight?: number | undefined;
    readonly weightDevice?: readonly RuntimeWeightDevice[] | undefined;
    readonly throttleReadBpsDevice?: readonly RuntimeThrottleDevice[] | undefined;
    readonly throttleWriteBpsDevice?: readonly RuntimeThrottleDevice[] | undefined;
    readonly throttleReadIOPSDevice?: readonly RuntimeThrottleDevice[] | undefined;
    readonly throttleWriteIOPSDevice?: readonly RuntimeThrottleDevice[] | undefined;
  };
}

interface RuntimeWeightDevice {
  readonly major: number;
  readonly minor: number;
  readonly weight: number;
}

interface RuntimeThrottleDevice {
  readonly major: number;
  readonly minor: number;
  readonly rate: number;
}

/** config-linux.md#seccomp */
export interface RuntimeSeccomp {
  readonly defaultAction: string;
  readonly defaultErrnoRet?: number;
  readonly architectures?: readonly string[];
  readonly flags?: readonly string[];
  readonly syscalls: readonly RuntimeSyscallRule[];
}

export interface RuntimeSyscallRule {
  readonly names: readonly string[];
  readonly action: string;
  readonly errnoRet?: number;
  readonly args?: readonly RuntimeSyscallArgument[];
}

export interface RuntimeSyscallArgument {
  readonly index: number;
  readonly value: number;
  readonly valueTwo?: number;
  readonly op: string;
}
