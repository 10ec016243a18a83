/**
 * Storage that outlives containers.
 *
 * Vocabulary. A *volume* is a named directory (`ROOT/volumes/NAME/_data`) that containers mount by name. A volume
 * without a name of its own is *anonymous*: it is removed with its container by `rm -v` and `--rm`. *Copy-up* fills a
 * volume that is empty when a container with it is created with what the image has at the mount point.
 *
 * Life cycle: created → mounted by any number of containers, and unmounted → removed, or pruned when no container uses
 * it. A volume exists once its creation is acknowledged, and does not come back once its removal is, whatever happens
 * to the daemon or the machine. A volume whose directory is missing is *lost*: it cannot be mounted, is never replaced by
 * an empty one, and is back once the directory is.
 *
 * Errors: the table is `volume-errors.ts`.
 *
 * ```ts
 * const { name, path } = await volumes.create({ name: 'data' });
 * await volumes.copyUp(name, () => '/run/…/rootfs', '/var/lib/postgresql');
 * volumes.mounted(name, { containerId, destination: '/var/lib/postgresql', readonly: false });
 * // the container runs, with `path` bound into it
 * volumes.unmounted(name, containerId);
 * await volumes.remove(name, { force: false }); // `volume-in-use` while a container has it, running or not
 * ```
 */
import type { Filters } from '#base/filters.ts';

/** What a volume is to be. */
export interface VolumeSpec {
  /** Absent: anonymous, 64 hexadecimal digits. */
  readonly name?: string;
  /** `local` is the only one, and is meant where there is none. */
  readonly driver?: string;
  readonly driverOptions?: Readonly<Record<string, string>>;
  readonly labels?: Readonly<Record<string, string>>;
}

/** A volume as it is. */
export interface VolumeView {
  readonly name: string;
  readonly driver: string;
  /** The directory on the host that containers get to see. */
  readonly path: string;
  /** Since the epoch, to the second. */
  readonly createdAtMs: number;
  /** Absent where none were given. */
  readonly labels?: Readonly<Record<string, string>>;
  readonly isAnonymous: boolean;
  /** Why it cannot be used, or not all of it is known. */
  readonly problem?: string;
}

export interface VolumePruneRequest {
  /** `label` and `label!`. */
  readonly filters: Filters;
  /** Takes those with names of their own too. */
  readonly named: boolean;
  /** Ends it before the next volume; what has gone stays gone. */
  readonly signal?: AbortSignal;
}

export interface VolumeRemoval {
  /** One that is not there is no error. */
  readonly force: boolean;
  /** Ends the waiting for others that work on the volume; a removal that has begun is carried out. */
  readonly signal?: AbortSignal;
}

export interface VolumePruneReport {
  readonly removed: readonly string[];
  readonly reclaimedBytes: number;
}

export interface Volumes {
  /**
   * Durable when it resolves. Returns the volume that has the name already, where there is one.
   *
   * @throws {EngineError} `volume-name-…`, `no-such-volume-driver`, `unknown-volume-option`
   */
  create(spec: VolumeSpec): Promise<VolumeView>;
  get(name: string): VolumeView | undefined;
  /** The directory to mount. @throws {EngineError} `no-such-volume`, `volume-lost` */
  open(name: string): string;
  /**
   * By name.
   *
   * @param filters `dangling` (no container has it), `driver`, `label`, `name` (a part of it)
   * @throws {EngineError} `invalid` for another filter or a malformed value
   */
  list(filters?: Filters): readonly VolumeView[];
  /** Durable when it resolves. @throws {EngineError} `no-such-volume` without `force`, `volume-in-use` */
  remove(name: string, options: VolumeRemoval): Promise<void>;
  /**
   * Removes what no container has; what is lost stays, since it may be back.
   *
   * @throws {EngineError} `invalid` for another filter; the reason of the signal
   */
  prune(request: VolumePruneRequest): Promise<VolumePruneReport>;
  /**
   * Copies what stands at `path` below a root into the volume if the volume is empty, keeping owners, modes, times,
   * xattrs and links. Never follows a link out of the root. Nothing but a deadline cuts it short.
   *
   * @param root asked for only if the volume is empty
   * @throws {EngineError} `no-such-volume`, `volume-over-file` where `path` is a file
   */
  copyUp(name: string, root: () => string, path: string): Promise<void>;
  /** Bytes in the volume. @throws {EngineError} `no-such-volume`; the reason of the signal */
  usage(name: string, signal?: AbortSignal): Promise<number>;
  /** Reports that a container mounts it, or does no more; changes nothing. */
  mounted(name: string, use: VolumeMount): void;
  unmounted(name: string, containerId: string): void;
}

/** One use of a volume by a container, as the event `mount` tells it. */
export interface VolumeMount {
  readonly containerId: string;
  readonly destination: string;
  readonly readonly: boolean;
}

/** What volumes ask of the domain of containers. */
export interface VolumeUse {
  /** Ids of the containers that mount it, running or not. */
  containersOf(name: string): readonly string[];
}
