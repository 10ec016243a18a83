import { type BigIntStats, readlinkSync } from 'node:fs';
import { textOfBytes } from '#base/byte-text.ts';
import { storableXattrs } from '#layer/tree-walk.ts';
import type { FileEntry } from '../session/build-session.ts';

/** A file as clients know files. What a tree says of its hard links and times, it changes. */
export function entryOf(path: string, place: Buffer, stats: BigIntStats): FileEntry {
  return {
    path,
    mode: Number(stats.mode),
    uid: Number(stats.uid),
    gid: Number(stats.gid),
    sizeBytes: stats.isFile() || stats.isSymbolicLink() ? Number(stats.size) : 0,
    modifiedNs: stats.mtimeNs,
    linkName: stats.isSymbolicLink() ? textOfBytes(readlinkSync(place, { encoding: 'buffer' })) : '',
    ...deviceOf(stats),
    xattrs: Object.fromEntries(storableXattrs(place)),
  };
}

/** makedev(3). */
function deviceOf(stats: BigIntStats): Pick<FileEntry, 'deviceMajor' | 'deviceMinor'> {
  if (!stats.isCharacterDevice() && !stats.isBlockDevice()) return { deviceMajor: 0, deviceMinor: 0 };
  const { rdev } = stats;
  return {
    deviceMajor: Number(((rdev >> 8n) & 0xfffn) | ((rdev >> 32n) & 0xfffff000n)),
    deviceMinor: Number((rdev & 0xffn) | ((rdev >> 12n) & 0xffffff00n)),
  };
}
