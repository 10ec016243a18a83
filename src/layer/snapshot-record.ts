/**
 * What is on disk of a snapshot: `ROOT/snapshots/ID/` with `upper`, `work` and its record.
 *
 * The record is a handful of symbolic links that lead nowhere: making one is a single call, and unlike the contents of
 * a new file it cannot be found empty after a power loss, since a link's target is metadata that the file system
 * journals together with the directories. So creating a snapshot needs no sync of its own: the sync of the
 * container's record, which follows it, carries both.
 */
import { chmodSync, mkdirSync, readlinkSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { isErrno } from '#linux/errno.ts';
import { type Digest, digestHex, parseDigest } from '#oci/digest.ts';

export interface SnapshotRecord {
  readonly layers: readonly Digest[];
  /** Set for volatile snapshots: the boot (/proc/sys/kernel/random/boot_id) after which their contents are lost. */
  readonly volatileBootId?: string;
}

const DURABLE = 'durable';
/** A target has at most 4095 bytes. */
const LAYERS_PER_LINK = 60;

export function snapshotPaths(path: string): { readonly upper: string; readonly work: string } {
  return { upper: join(path, 'upper'), work: join(path, 'work') };
}

/** Makes the directories and the record; the last link, which makes it whole, comes last. */
export function writeSnapshot(path: string, record: SnapshotRecord): void {
  const { upper, work } = snapshotPaths(path);
  mkdirSync(path, 0o700);
  mkdirSync(upper, 0o755);
  chmodSync(upper, 0o755);
  mkdirSync(work, 0o700);
  const names = record.layers.map(digestHex);
  for (let start = 0; start < names.length; start += LAYERS_PER_LINK) {
    symlinkSync(names.slice(start, start + LAYERS_PER_LINK).join(','), layersLink(path, start));
  }
  symlinkSync(`${record.volatileBootId ?? DURABLE},${names.length}`, join(path, 'record'));
}

/** The record of a snapshot; undefined if it is not whole. */
export function readSnapshot(path: string): SnapshotRecord | undefined {
  try {
    const [boot = '', count = ''] = readlinkSync(join(path, 'record')).split(',');
    const layers: Digest[] = [];
    while (layers.length < Number(count)) {
      const names = readlinkSync(layersLink(path, layers.length)).split(',');
      layers.push(...names.map((name) => parseDigest(`sha256:${name}`)));
    }
    return boot === DURABLE ? { layers } : { layers, volatileBootId: boot };
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'EINVAL', 'ENOTDIR')) return undefined;
    throw error;
  }
}

function layersLink(path: string, start: number): string {
  return join(path, `layers-${start}`);
}
