/**
 * Storage that outlives containers.
 *
 * A *volume* is a named directory (`ROOT/volumes/NAME/_data`) that containers mount by name; one without a name of
 * its own is *anonymous* and disappears with `rm -v` or `--rm`. What an image has at the mount point is copied into
 * a volume that is empty when it is first mounted (copy-up).
 *
 * Errors: `not-found` ("get NAME: no such volume"), `conflict` (in use), `invalid` (name, driver).
 */
import type { VolumeInspect } from '#wire/volume.ts';

export interface VolumeRequest {
  /** Absent: anonymous, 64 hexadecimal digits. */
  readonly name?: string;
  readonly driver?: string;
  readonly driverOptions?: Readonly<Record<string, string>>;
  readonly labels?: Readonly<Record<string, string>>;
}

export interface Volumes {
  /** Returns the existing one where the name is taken. */
  create(request: VolumeRequest): Promise<VolumeInspect>;
  get(name: string): VolumeInspect | undefined;
  list(): readonly VolumeInspect[];
  remove(name: string, options: { readonly force: boolean }): Promise<void>;
  isAnonymous(name: string): boolean;
  /**
   * Copies what stands at `path` below `root` into the volume if the volume is empty, keeping owners, modes, times,
   * xattrs and links. Never follows a link out of `root`.
   */
  copyUp(name: string, root: string, path: string): Promise<void>;
  /** Bytes in the volume. */
  usage(name: string): Promise<number>;
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

/** Who uses a volume; the owner of the containers tells. */
export interface VolumeUse {
  containersOf(name: string): readonly string[];
}
