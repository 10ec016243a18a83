import type { Logger } from '#base/log.ts';
import type { KeyedLock } from '#base/keyed-lock.ts';
import type { Semaphore } from '#base/semaphore.ts';
import type { ImageStore } from '#image/image.ts';
import type { RootArchive, SnapshotStore } from '#layer/layer.ts';
import type { CgroupLayout } from '#linux/cgroups.ts';
import type { FileService } from '#linux/file-service.ts';
import type { OpenFilesLimit } from '#linux/open-files-limit.ts';
import type { ReadOnlyProgram } from '#linux/read-only-program.ts';
import type { LogDriver } from '#log/log.ts';
import type { Networks } from '#network/network.ts';
import type { Metadata } from '#store/metadata.ts';
import type { Volumes } from '#volume/volume.ts';
import type { EmitEvent } from '#base/event.ts';
import type { ResourceLimit } from './container-spec.ts';
import type { ContainerPaths } from './container-paths.ts';
import type { ContainerStore } from './container-store.ts';
import type { Lookup } from './lookup.ts';
import type { ManagedContainer } from './run/managed-container.ts';
import type { BackgroundWork } from '#base/background-work.ts';
import type { SeccompProfile } from './spec/seccomp.ts';
import type { Supervisor } from './process/supervisor.ts';

/** What containers are given where nobody asks for anything else. */
export interface ContainerDefaults {
  readonly logDriver: string;
  readonly logOptions: Readonly<Record<string, string>>;
  readonly stopTimeoutSeconds: number;
  /** Absolute, below the root of every hierarchy: `/caisson`. */
  readonly cgroupParent: string;
  /** Path of a profile, or `unconfined`. */
  readonly seccompProfile: string;
  readonly initPath: string;
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
  readonly emit: EmitEvent;
  readonly logger: Logger;
  readonly directories: { readonly root: string; readonly run: string };
  /** Of containers that ask for no other. */
  readonly runtime: InstalledRuntime;
  readonly otherRuntime?: InstalledRuntime;
  readonly cgroupLayout: CgroupLayout;
  readonly defaults: ContainerDefaults;
}

/** What the parts of this domain share. */
export interface ContainerContext extends ContainersDependencies {
  readonly lookup: Lookup<ManagedContainer>;
  readonly store: ContainerStore;
  readonly paths: ContainerPaths;
  readonly supervisor: Supervisor;
  /** What `runtime.path` is, for processes that this daemon starts itself: gone with it. */
  readonly program: ReadOnlyProgram;
  readonly otherProgram?: ReadOnlyProgram;
  /** Held while a container starts, ends its run, is paused or removed. */
  readonly locks: KeyedLock<string>;
  readonly starts: Semaphore;
  readonly pending: BackgroundWork;
  /** What is let go of when the daemon stops. */
  readonly held: DisposableStack;
  readonly seccomp: SeccompProfile | undefined;
  readonly bootId: string;
}
