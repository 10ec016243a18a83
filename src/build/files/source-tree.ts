/**
 * The files that a selection is made of, as far as choosing and checksumming them goes: those below this thread's root
 * directory, or those of a table that a client's files were synced into. What is chosen, and its checksum, is the same
 * for both.
 */
import { createHash } from 'node:crypto';
import { closeSync, constants, openSync, readlinkSync, readSync, realpathSync, statSync } from 'node:fs';
import { unlessErrno } from '#base/errno.ts';
import { namesIn, placeOfText, textOfBytes } from '#base/byte-text.ts';
import type { ByteName } from '#layer/layer-tree.ts';
import { sortedNames, statOf, storableXattrs } from '#layer/tree-walk.ts';
import { isErrno } from '#linux/errno.ts';

/** As stat(2) has them. */
export interface SourceStats {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly rdev: number;
  readonly sizeBytes: number;
}

/** Paths are absolute. */
export interface SourceTree {
  /** The path without links, and what is there; undefined if there is nothing. */
  resolve(path: string): { readonly path: string; readonly isDirectory: boolean } | undefined;
  /** Sorted; none where there is no directory. */
  list(directory: string): readonly string[];
  /** Looks at the path itself, not at what it leads to. Names from here on are bytes, one character each. */
  stat(path: ByteName): SourceStats | undefined;
  names(directory: ByteName): readonly ByteName[];
  link(path: ByteName): ByteName;
  xattrs(path: ByteName): ReadonlyMap<string, Buffer>;
  /** SHA-256 of a regular file's contents: bytes, one character each. */
  digest(path: ByteName): string;
}

const BUFFER_BYTES = 1 << 18;
const buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES);

/** What is below the root directory of this thread. */
export const rootTree: SourceTree = {
  resolve(path) {
    try {
      const real = realpathSync(placeOfText(path), { encoding: 'buffer' });
      return { path: textOfBytes(real), isDirectory: statSync(real).isDirectory() };
    } catch (error) {
      if (isErrno(error, 'ENOENT', 'ENOTDIR', 'ELOOP')) return undefined;
      throw error;
    }
  },
  list(directory) {
    return unlessErrno(() => namesIn(directory), 'ENOENT', 'ENOTDIR') ?? [];
  },
  stat(path) {
    const stats = statOf(bytesOf(path));
    return stats && { ...numbersOf(stats), sizeBytes: Number(stats.size) };
  },
  names: (directory) => sortedNames(bytesOf(directory)),
  link: (path) => readlinkSync(bytesOf(path), { encoding: 'latin1' }),
  xattrs: (path) => storableXattrs(bytesOf(path)),
  digest(path) {
    const hash = createHash('sha256');
    const fd = openSync(bytesOf(path), constants.O_RDONLY | constants.O_NOFOLLOW);
    try {
      for (let count = read(fd); count > 0; count = read(fd)) hash.update(buffer.subarray(0, count));
    } finally {
      closeSync(fd);
    }
    return hash.digest('latin1');
  },
};

function numbersOf(stats: Readonly<Record<'mode' | 'uid' | 'gid' | 'rdev', bigint>>) {
  const { mode, uid, gid, rdev } = stats;
  return { mode: Number(mode), uid: Number(uid), gid: Number(gid), rdev: Number(rdev) };
}

function bytesOf(path: ByteName): Buffer {
  return Buffer.from(path, 'latin1');
}

function read(fd: number): number {
  return readSync(fd, buffer, 0, BUFFER_BYTES, null);
}
