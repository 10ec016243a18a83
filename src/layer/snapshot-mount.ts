import { statfsSync } from 'node:fs';
import { isErrno } from '#linux/errno.ts';
import { mountOverlay } from '#linux/overlay-mount.ts';
import { layerError } from './layer-errors.ts';
import type { Snapshot } from './layer.ts';
import { OVERLAY_OPTIONS } from './read-only-view.ts';

/** `OVERLAYFS_SUPER_MAGIC` of include/uapi/linux/magic.h. */
const OVERLAY_MAGIC = 0x794c7630;

/** Whether a directory is on an overlay, which takes no other's upper directory: a container's own files are. */
export function isOverlay(directory: string): boolean {
  return statfsSync(directory).type === OVERLAY_MAGIC;
}

/**
 * Mounts a snapshot at its mount path, which exists.
 *
 * @throws {EngineError} `unavailable` where its files are on an overlay
 * @throws {SystemError} with the kernel's own explanation; nothing is mounted then
 */
export function mountSnapshot(snapshot: Snapshot): void {
  try {
    mountOverlay({
      target: snapshot.mountPath,
      lowers: snapshot.lowerPaths,
      upper: snapshot.upperPath,
      work: snapshot.workPath,
      volatile: snapshot.volatile,
      options: OVERLAY_OPTIONS,
    });
  } catch (error) {
    if (!isErrno(error, 'EINVAL') || !isOverlay(snapshot.upperPath)) throw error;
    const details = { directory: snapshot.upperPath };
    throw layerError('snapshots-on-overlay', { subject: snapshot.id, details, cause: error });
  }
}
