/** Single files of a tree, for those who look into a result. */
import { closeSync, constants, fstatSync, openSync, readSync, type Stats } from 'node:fs';
import { posix } from 'node:path';
import { EngineError } from '#base/errors.ts';
import { childPath, isWhiteout, sortedNames, statOf } from '#layer/tree-walk.ts';
import { compileIgnore } from '#oci/ignore.ts';
import type { FileEntry } from '../session/build-session.ts';
import { entryOf } from './entry-of.ts';
import type { ListJob, ReadJob, StatJob } from './file-jobs.ts';
import { followLinks } from '#layer/follow-links.ts';
import { inTree } from './in-tree.ts';

/** What BuildKit's clients take in one message. */
const MAXIMUM_BYTES = 16 << 20;

/** Errors have Go's words, as clients know them. */
export function readFile({ source, path, range }: ReadJob): Uint8Array {
  return inTree(source, () => {
    const place = placeOf(path);
    const stats = statOf(Buffer.from(place));
    if (!stats) throw missing('open', path);
    if (!stats.isFile()) throw new EngineError('invalid', `${path} is not a regular file`);
    const fd = openSync(place, constants.O_RDONLY | constants.O_NOFOLLOW);
    try {
      return readRange(fd, fstatSync(fd), path, range);
    } finally {
      closeSync(fd);
    }
  });
}

function readRange(
  fd: number,
  { size }: Stats,
  path: string,
  { offset, length }: NonNullable<ReadJob['range']> = { offset: 0, length: size },
): Uint8Array {
  if (offset < 0 || length < 0)
    throw new EngineError('invalid', `Cannot read ${path}: the range ${offset}+${length} is none`);
  const wanted = Math.max(0, Math.min(length, size - offset));
  if (wanted > MAXIMUM_BYTES)
    throw new EngineError(
      'invalid',
      `Cannot read ${path}: ${wanted} bytes are more than one answer may have; ask for ranges of ${MAXIMUM_BYTES}`,
    );
  const bytes = new Uint8Array(wanted);
  let at = 0;
  while (at < wanted) {
    const count = readSync(fd, bytes, at, wanted - at, offset + at);
    if (count === 0) break;
    at += count;
  }
  return bytes.subarray(0, at);
}

export function listDirectory({ source, path, pattern }: ListJob): readonly FileEntry[] {
  const wanted = pattern === undefined ? undefined : compileIgnore([pattern]);
  return inTree(source, () => {
    const place = Buffer.from(placeOf(path));
    const stats = statOf(place);
    if (!stats) throw missing('lstat', path);
    if (!stats.isDirectory()) throw new EngineError('invalid', `${path} is not a directory`);
    const firstNames = new Map<bigint, string>();
    return sortedNames(place).flatMap((name) => {
      const text = Buffer.from(name, 'latin1').toString();
      const child = childPath(place, name);
      const childStats = statOf(child);
      if (!childStats || isWhiteout(childStats) || wanted?.matches(text) === false) return [];
      const entry = entryOf(text, child, childStats);
      if (!childStats.isFile() || childStats.nlink < 2n) return [entry];
      const first = firstNames.get(childStats.ino);
      firstNames.set(childStats.ino, first ?? text);
      return [{ ...entry, linkName: first ?? '' }];
    });
  });
}

export function statFile({ source, path }: StatJob): FileEntry {
  return inTree(source, () => {
    const place = placeOf(path);
    const stats = statOf(Buffer.from(place));
    if (!stats || isWhiteout(stats)) throw missing('lstat', path);
    return entryOf(posix.basename(place) || '/', Buffer.from(place), stats);
  });
}

function placeOf(path: string): string {
  return followLinks(posix.join('/', path));
}

function missing(call: string, path: string): EngineError {
  return new EngineError('invalid', `${call} ${path}: no such file or directory`);
}
