/** What records had up to step 2: Docker's request, as far as a spec is made of it. `null` stood for Go's nil. */

type Strings = readonly string[] | null;
type StringMap = Readonly<Record<string, string>>;

export interface OldRecord {
  readonly id: string;
  readonly name: string;
  readonly createdAt: string;
  readonly imageId: string;
  /** Merged with the image's. */
  readonly config: OldConfig;
  /** Complete. */
  readonly hostConfig: OldHostConfig;
  /** The log driver was the engine's choice. */
  readonly usesDefaultLog: boolean;
  /** By network. */
  readonly endpoints: Readonly<Record<string, OldEndpoint>>;
  /** Decided at the creation; stays as it is. */
  readonly mounts: { readonly mounts: readonly OldMount[] };
}

export interface OldConfig {
  readonly Hostname: string;
  readonly Domainname: string;
  readonly User: string;
  readonly ExposedPorts?: Readonly<Record<string, object>> | null;
  readonly Tty: boolean;
  readonly OpenStdin: boolean;
  readonly StdinOnce: boolean;
  readonly Env: Strings;
  readonly Cmd: Strings;
  readonly Healthcheck?: {
    readonly Test?: Strings;
    readonly Interval?: number;
    readonly Timeout?: number;
    readonly Retries?: number;
    readonly StartPeriod?: number;
    readonly StartInterval?: number;
  };
  readonly ArgsEscaped?: boolean;
  readonly Image: string;
  readonly Volumes: Readonly<Record<string, object>> | null;
  readonly WorkingDir: string;
  readonly Entrypoint: Strings;
  readonly NetworkDisabled?: boolean;
  readonly MacAddress?: string;
  readonly OnBuild: Strings;
  readonly Labels: StringMap | null;
  readonly StopSignal?: string;
  readonly StopTimeout?: number;
  readonly Shell?: readonly string[];
}

export interface OldHostConfig extends OldLimits {
  readonly LogConfig: { readonly Type: string; readonly Config: StringMap | null };
  readonly NetworkMode: string;
  readonly PortBindings: Readonly<
    Record<string, readonly { readonly HostIp: string; readonly HostPort: string }[] | null>
  > | null;
  readonly RestartPolicy: { readonly Name: string; readonly MaximumRetryCount: number };
  readonly AutoRemove: boolean;
  readonly VolumeDriver: string;
  readonly ConsoleSize: readonly [number, number];
  readonly Annotations?: StringMap;
  readonly CapAdd: Strings;
  readonly CapDrop: Strings;
  readonly CgroupnsMode: string;
  readonly Dns: Strings;
  readonly DnsOptions: Strings;
  readonly DnsSearch: Strings;
  readonly ExtraHosts: Strings;
  readonly GroupAdd: Strings;
  readonly IpcMode: string;
  readonly OomScoreAdj: number;
  readonly PidMode: string;
  readonly Privileged: boolean;
  readonly PublishAllPorts: boolean;
  readonly ReadonlyRootfs: boolean;
  readonly SecurityOpt: Strings;
  readonly StorageOpt?: StringMap;
  readonly UTSMode: string;
  readonly UsernsMode: string;
  readonly ShmSize: number;
  readonly Sysctls?: StringMap | null;
  readonly Runtime?: string;
  readonly Devices:
    | readonly {
        readonly PathOnHost: string;
        readonly PathInContainer: string;
        readonly CgroupPermissions: string;
      }[]
    | null;
  readonly DeviceCgroupRules: Strings;
  readonly DeviceRequests:
    | readonly {
        readonly Driver?: string;
        readonly Count?: number;
        readonly DeviceIDs?: Strings;
        readonly Capabilities?: readonly Strings[] | null;
        readonly Options?: StringMap | null;
      }[]
    | null;
  readonly Ulimits: readonly { readonly Name: string; readonly Hard: number; readonly Soft: number }[] | null;
  readonly MaskedPaths: Strings;
  readonly ReadonlyPaths: Strings;
  readonly Init?: boolean;
}

type OldRates = readonly { readonly Path: string; readonly Rate: number }[] | null;

export interface OldLimits {
  readonly CpuShares: number;
  readonly Memory: number;
  readonly NanoCpus: number;
  readonly CgroupParent: string;
  readonly BlkioWeight: number;
  readonly BlkioWeightDevice: readonly { readonly Path: string; readonly Weight: number }[] | null;
  readonly BlkioDeviceReadBps: OldRates;
  readonly BlkioDeviceWriteBps: OldRates;
  readonly BlkioDeviceReadIOps: OldRates;
  readonly BlkioDeviceWriteIOps: OldRates;
  readonly CpuPeriod: number;
  readonly CpuQuota: number;
  readonly CpuRealtimePeriod: number;
  readonly CpuRealtimeRuntime: number;
  readonly CpusetCpus: string;
  readonly CpusetMems: string;
  readonly MemoryReservation: number;
  readonly MemorySwap: number;
  readonly MemorySwappiness: number | null;
  readonly OomKillDisable: boolean | null;
  readonly PidsLimit: number | null;
}

export interface OldEndpoint {
  readonly IPAMConfig: {
    readonly IPv4Address?: string;
    readonly IPv6Address?: string;
    readonly LinkLocalIPs?: readonly string[];
  } | null;
  readonly Aliases: Strings;
  readonly MacAddress: string;
  readonly DriverOpts: StringMap | null;
}

export type OldMount =
  | {
      readonly type: 'bind';
      readonly destination: string;
      readonly source: string;
      readonly readonly: boolean;
      readonly readonlyRecursive: boolean;
      readonly recursive: boolean;
      readonly propagation: string;
      readonly mode: string;
      readonly createSource: boolean;
    }
  | {
      readonly type: 'volume';
      readonly destination: string;
      readonly name: string;
      readonly driver: string;
      readonly request: { readonly driverOptions?: StringMap; readonly labels?: StringMap };
      readonly anonymous: boolean;
      readonly readonly: boolean;
      readonly mode: string;
      readonly copyUp: boolean;
    }
  | {
      readonly type: 'tmpfs';
      readonly destination: string;
      readonly readonly: boolean;
      readonly options: readonly string[];
      readonly shown: boolean;
    };
