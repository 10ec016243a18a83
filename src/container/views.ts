/** What there is to see of containers: plain data, which each wire encodes. */
import type { TransferredError } from '#base/error-transfer.ts';
import type { ContainerPort } from '#base/ports.ts';
import type { CgroupStats } from '#linux/cgroup-stats.ts';
import type { MountPropagation } from '#container/mount-spec.ts';
import type { NetworkAttachment } from '#network/attachment.ts';
import type { SandboxRecord } from '#network/network.ts';
import type { Digest } from '#oci/digest.ts';
import type { ContainerSpec } from './container-spec.ts';

export type ContainerStatus =
  | 'created'
  | 'running'
  | 'paused'
  | 'restarting'
  | 'removing'
  | 'exited'
  | 'dead';

/** The state of a container and of its last run. */
export interface ContainerStateView {
  readonly status: ContainerStatus;
  /** The id of its first process, while it runs. */
  readonly pid?: number;
  /** The exit code of the last run or of a start that failed; 0 before. */
  readonly exitCode: number;
  /** Why the last start failed. */
  readonly failure?: TransferredError;
  /** True if the present run, or the last one, ran out of memory. */
  readonly outOfMemory: boolean;
  /** RFC 3339; absent where it never happened. */
  readonly startedAt?: string;
  readonly finishedAt?: string;
}

export type MountView =
  | { readonly type: 'tmpfs'; readonly target: string; readonly readOnly: boolean }
  | {
      readonly type: 'bind';
      readonly target: string;
      readonly readOnly: boolean;
      readonly source: string;
      readonly propagation: MountPropagation;
      readonly writtenOptions: string;
    }
  | {
      readonly type: 'volume';
      readonly target: string;
      readonly readOnly: boolean;
      readonly name: string;
      readonly driver: string;
      /** Where its files are; empty if it is gone. */
      readonly source: string;
      readonly writtenOptions: string;
    };

export interface ContainerNetworkView {
  /** The networks that it is to be on; none where it shares another container's. */
  readonly attachments: readonly NetworkAttachment[];
  /** While it runs on networks of its own. */
  readonly sandbox?: Pick<SandboxRecord, 'endpoints' | 'publications' | 'namespacePath'> & {
    /** Exposed or published. */
    readonly servedPorts: readonly ContainerPort[];
  };
}

/** Bytes. */
export interface SizeView {
  /** In the writable layer. */
  readonly writableBytes: number;
  /** With the image's. */
  readonly rootBytes: number;
}

/** One row of a list. */
export interface ContainerListEntry {
  readonly id: string;
  /** Without leading slash. */
  readonly name: string;
  /** RFC 3339. */
  readonly createdAt: string;
  readonly imageId: Digest;
  /** As the user named it, or the image's id where that name means another image now. */
  readonly image: string;
  readonly spec: ContainerSpec;
  readonly state: ContainerStateView;
  readonly mounts: readonly MountView[];
  readonly network: ContainerNetworkView;
  /** The containers that it is linked to, by their present names. */
  readonly links: readonly { readonly name: string; readonly alias: string }[];
  /** What other containers call it by links: `NAME/ALIAS`. */
  readonly linkedAs: readonly string[];
  /** Only if it was asked for. */
  readonly size?: SizeView;
}

/** All there is to know of a container. */
export interface ContainerView extends ContainerListEntry {
  /** See {@link CreateContainerRequest}. */
  readonly requested: unknown;
  /** The execs that run or have not started yet. */
  readonly execIds: readonly string[];
  /** The engine's files in /etc, once they are written. */
  readonly files?: { readonly hosts: string; readonly hostname: string; readonly resolvConf: string };
  /** Empty where the driver has no file. */
  readonly logPath: string;
  /** The overlay's directories; absent while it is being removed. */
  readonly snapshot?: {
    /** Topmost first. */
    readonly lowerPaths: readonly string[];
    readonly upperPath: string;
    readonly workPath: string;
    readonly mountPath: string;
  };
}

export interface ProcessTable {
  readonly titles: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

export interface ContainerStats {
  readonly id: string;
  readonly name: string;
  /** Absent if it does not run. */
  readonly sample?: StatsSample;
}

/** What a container used up to a moment. */
export interface StatsSample extends CgroupStats {
  /** RFC 3339. */
  readonly takenAt: string;
  /** What all processors together have spent since boot, idling included. */
  readonly hostCpuNs: number;
  readonly processors: number;
  readonly hostMemoryBytes: number;
  /** By interface; absent where the network is the host's, or none. */
  readonly interfaces?: Readonly<Record<string, InterfaceTraffic>>;
}

export interface InterfaceTraffic {
  readonly received: TrafficCounters;
  readonly sent: TrafficCounters;
}

interface TrafficCounters {
  readonly bytes: number;
  readonly packets: number;
  readonly errors: number;
  readonly dropped: number;
}
