import { rmSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import { currentBootId } from '#linux/boot-id.ts';
import { OVERLAYFS_SUPER_MAGIC } from '#linux/constants.ts';
import { isErrno } from '#linux/errno.ts';
import { mountOverlay } from '#linux/overlay-mount.ts';
import { layerError } from './layer-errors.ts';
import type { Snapshot } from './layer.ts';
import { OVERLAY_OPTIONS } from './read-only-view.ts';
import type { SnapshotRecord } from './snapshot-record.ts';

/** Whether a directory is on an overlay, which takes no other's upper directory: a container's own files are. */
export function isOverlay(directory: string): boolean {
  return statfsSync(directory).type === OVERLAYFS_SUPER_MAGIC;
}

/**
 * Mounts a snapshot at its mount path, which exists.
 *
 * @throws {EngineError} `unavailable` where its files are on an overlay, or it is volatile and of a former boot
 * @throws {SystemError} with the kernel's own explanation; nothing is mounted then
 */
export function mountSnapshot(snapshot: Snapshot, record: SnapshotRecord): void {
  allowRemount(snapshot, record);
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

/**
 * A volatile overlay leaves a mark that forbids to mount it again, since a crash of the machine may have spoilt it
 * (overlayfs.rst, "Volatile mount"). Within one boot it has not, whatever became of the engine.
 */
function allowRemount(snapshot: Snapshot, { volatileBootId }: SnapshotRecord): void {
  if (volatileBootId === undefined) return;
  if (volatileBootId !== currentBootId()) throw layerError('snapshot-lost', { subject: snapshot.id });
  rmSync(join(snapshot.workPath, 'work/incompat'), { recursive: true, force: true });
}
