import { type BigIntStats, lstatSync, readdirSync } from 'node:fs';
import { unlessErrno } from '#base/errno.ts';
import { beat } from '#linux/file-thread.ts';
import { listXattrs, getXattr } from '#linux/xattrs.ts';
import { isStorableXattr } from './layer-tree.ts';

const SLASH = Buffer.from('/');
const NO_XATTRS: ReadonlyMap<string, Buffer> = new Map();

/** Names are bytes, one character each (latin1): file systems hold names that are no text. */
export function sortedNames(directory: Buffer): string[] {
  return readdirSync(directory, { encoding: 'latin1' }).toSorted();
}

export function childPath(directory: Buffer, name: string): Buffer<ArrayBuffer> {
  return Buffer.concat([directory, SLASH, Buffer.from(name, 'latin1')]);
}

/** The path itself, links not followed; undefined if there is nothing. */
export function statOf(path: Buffer): BigIntStats | undefined {
  return unlessErrno(() => lstatSync(path, { bigint: true }), 'ENOENT', 'ENOTDIR');
}

/** Overlay's mark for a deleted name: a character device 0:0. */
export function isWhiteout(stats: BigIntStats): boolean {
  return stats.isCharacterDevice() && stats.rdev === 0n;
}

/** True if overlay shows nothing of the lower layers in this directory of an upper one. */
export function isOpaque(path: Buffer): boolean {
  return getXattr(path, 'trusted.overlay.opaque')?.toString() === 'y';
}

/** The attributes that belong into an archive. */
export function storableXattrs(path: Buffer): ReadonlyMap<string, Buffer> {
  const names = listXattrs(path).filter(isStorableXattr);
  if (names.length === 0) return NO_XATTRS;
  return new Map(names.toSorted().flatMap((name) => withValue(name, getXattr(path, name))));
}

function withValue(name: string, value: Buffer | undefined): [string, Buffer][] {
  return value ? [[name, value]] : [];
}

/** Bytes of the files below a directory, each file once however many names it has; what vanishes is left out. */
export function diskUsage(root: string): number {
  const seen = new Set<bigint>();
  const directories: Buffer[] = [Buffer.from(root)];
  let total = 0;
  for (const directory of directories) {
    for (const name of namesIfThere(directory)) {
      beat();
      const path = childPath(directory, name);
      const stats = statOf(path);
      if (stats?.isDirectory()) directories.push(path);
      else if (stats?.isFile() && isFirst(stats, seen)) total += Number(stats.size);
    }
  }
  return total;
}

function isFirst({ nlink, ino }: BigIntStats, seen: Set<bigint>): boolean {
  if (nlink < 2n) return true;
  if (seen.has(ino)) return false;
  seen.add(ino);
  return true;
}

function namesIfThere(directory: Buffer): string[] {
  return unlessErrno(() => readdirSync(directory, { encoding: 'latin1' }), 'ENOENT', 'ENOTDIR') ?? [];
}
