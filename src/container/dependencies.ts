import type { Logger } from '#base/log.ts';
import type { ImageStore } from '#image/image.ts';
import type { RootArchive, SnapshotStore } from '#layer/layer.ts';
import type { CgroupLayout } from '#linux/cgroup-layout.ts';
import type { FileService } from '#linux/file-service.ts';
import type { OpenFilesLimit } from '#linux/open-files-limit.ts';
import type { LogDriver } from '#log/log.ts';
import type { Networks } from '#network/network.ts';
import type { LostAndFound } from '#store/lost-and-found.ts';
import type { Metadata } from '#store/metadata.ts';
import type { Volumes } from '#volume/volume.ts';
import type { EmitEvent } from '#base/event.ts';
import type { ResourceLimit } from './container-spec.ts';

/** What containers get where their request says nothing else. */
export interface ContainerDefaults {
  readonly logDriver: string;
  /** The operator has chosen it. */
  readonly isLogDriverChosen: boolean;
  readonly logOptions: Readonly<Record<string, string>>;
  readonly stopTimeoutSeconds: number;
  /** Absolute, below the root of every hierarchy: `/caisson`. */
  readonly cgroupParent: string;
  /** Path of a profile, `unconfined`, or empty for the engine's own. */
  readonly seccompProfile: string;
  readonly initPath: string;
  readonly init: boolean;
  readonly noNewPrivileges: boolean;
  readonly ipc: 'private' | 'shareable';
  /** Absent: private with cgroup v2, the host's otherwise. */
  readonly cgroupNamespace?: 'private' | 'host';
  readonly shmSizeBytes: number;
  readonly ulimits: readonly ResourceLimit[];
  /** Where no other is asked for; absent: what this process has. It is not shown. */
  readonly openFiles?: OpenFilesLimit;
}

/** An OCI runtime that can run on this machine. */
export interface InstalledRuntime {
  readonly name: 'crun' | 'runc';
  readonly path: string;
}

export interface ContainersDependencies {
  readonly metadata: Metadata;
  readonly snapshots: SnapshotStore;
  readonly archive: RootArchive;
  readonly files: FileService;
  readonly images: ImageStore;
  /** By name. */
  readonly logs: ReadonlyMap<string, LogDriver>;
  readonly volumes: Volumes;
  readonly networks: Networks;
  readonly lost: LostAndFound;
  readonly emit: EmitEvent;
  readonly logger: Logger;
  readonly directories: { readonly root: string; readonly run: string };
  /** The runtime of containers that ask for no other. */
  readonly runtime: InstalledRuntime;
  readonly otherRuntime?: InstalledRuntime;
  readonly cgroupLayout: CgroupLayout;
  readonly defaults: ContainerDefaults;
}
