import {
  type BigIntStats,
  chmodSync,
  closeSync,
  constants,
  ftruncateSync,
  lchownSync,
  linkSync,
  mkdirSync,
  opendirSync,
  openSync,
  readlinkSync,
  readSync,
  symlinkSync,
  writeSync,
} from 'node:fs';
import { unlessErrno } from '#base/errno.ts';
import { childPath, sortedNames, statOf, storableXattrs } from '#layer/tree-walk.ts';
import { beat } from '#linux/file-thread.ts';
import { makeNode, seekData, seekHole, setTimes, splitDeviceNumber } from '#linux/files.ts';
import { setXattr } from '#linux/xattrs.ts';

/** Files with several names, by inode: the first copy. */
type Links = Map<bigint, Buffer>;

/**
 * Copies what is in the directory `source` into the directory `destination`, which is empty, with owners, modes,
 * times, extended attributes, hard links, holes and special files. Links are copied, never followed. Blocks.
 *
 * Neither tree may be changed meanwhile.
 */
export function copyTree(source: Buffer, destination: Buffer): void {
  copyContents(source, destination, new Map());
}

function copyContents(source: Buffer, destination: Buffer, links: Links): void {
  for (const name of sortedNames(source)) {
    beat();
    const from = childPath(source, name);
    const stats = statOf(from);
    if (stats) copyEntry(from, childPath(destination, name), stats, links);
  }
}

function copyEntry(from: Buffer, to: Buffer, stats: BigIntStats, links: Links): void {
  const first = stats.isDirectory() ? undefined : links.get(stats.ino);
  if (first) {
    linkSync(first, to);
    return;
  }
  if (stats.nlink > 1n && !stats.isDirectory()) links.set(stats.ino, to);
  if (stats.isDirectory()) {
    mkdirSync(to, 0o700);
    copyContents(from, to, links);
  } else if (stats.isSymbolicLink()) {
    symlinkSync(readlinkSync(from, { encoding: 'buffer' }), to);
  } else if (stats.isFile()) {
    copyFile(from, to, Number(stats.size));
  } else {
    const { major, minor } = splitDeviceNumber(Number(stats.rdev));
    makeNode(to, Number(stats.mode), major, minor);
  }
  copyAttributes(from, to, stats);
}

/** Owner first, for changing it takes set-user-ID bits and capabilities away; times last. */
export function copyAttributes(from: Buffer, to: Buffer, stats: BigIntStats): void {
  lchownSync(to, Number(stats.uid), Number(stats.gid));
  if (!stats.isSymbolicLink()) chmodSync(to, Number(stats.mode & 0o7777n));
  for (const [name, value] of storableXattrs(from)) copyXattr(to, name, value);
  setTimes(to, stats.atimeNs, stats.mtimeNs);
}

/** What the volume's file system or a security module does not take is left out. */
function copyXattr(path: Buffer, name: string, value: Buffer): void {
  unlessErrno(() => setXattr(path, name, value), 'EOPNOTSUPP', 'EPERM', 'EINVAL');
}

const buffer = Buffer.allocUnsafeSlow(1 << 20);

/** Copies the parts that hold data; what is between them stays a hole. */
function copyFile(from: Buffer, to: Buffer, size: number): void {
  const input = openSync(from, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    const output = openSync(to, 'wx', 0o600);
    try {
      for (let start = seekData(input, 0); start !== undefined && start < size; ) {
        const end = seekHole(input, start);
        copyRange(input, output, start, end);
        start = end < size ? seekData(input, end) : undefined;
      }
      ftruncateSync(output, size);
    } finally {
      closeSync(output);
    }
  } finally {
    closeSync(input);
  }
}

function copyRange(input: number, output: number, start: number, end: number): void {
  for (let position = start; position < end; ) {
    const length = readSync(input, buffer, 0, Math.min(buffer.length, end - position), position);
    if (length === 0) return;
    beat();
    let written = 0;
    while (written < length)
      written += writeSync(output, buffer, written, length - written, position + written);
    position += length;
  }
}

const SMALL_TREE = { entries: 100, bytes: 1 << 20 };

/** True if copying the tree takes less time than starting a thread for it. */
export function isSmallTree(source: string): boolean {
  const directories = [Buffer.from(source)];
  let entries = 0;
  let bytes = 0;
  for (const path of directories) {
    using directory = opendirSync(path, { encoding: 'latin1' });
    for (let entry = directory.readSync(); entry !== null; entry = directory.readSync()) {
      const child = childPath(path, entry.name);
      const stats = statOf(child);
      bytes += Number(stats?.size ?? 0);
      if (++entries > SMALL_TREE.entries || bytes > SMALL_TREE.bytes) return false;
      if (stats?.isDirectory()) directories.push(child);
    }
  }
  return true;
}
