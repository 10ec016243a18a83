import { closeSync, constants as fs, openSync, readSync } from 'node:fs';
import { placeOfText } from '#base/byte-text.ts';
import type { WireEntry } from '#wire/build-session.ts';
import { listFiles } from './list-files.ts';
import { ownHash } from './listing-mark.ts';
import type { DirectoryProvider } from './providers.ts';
import { unreadable } from './unreadable.ts';
import { readXattrs } from './xattrs.ts';

const CHUNK_BYTES = 1 << 18;

/** A directory of this machine. */
export function diskDirectory(root: string): DirectoryProvider {
  return {
    list: (query, tell) => listFiles(root, query, { readXattrs, hash: ownHash(), tell }),
    read: (entry) => readChunks(root, entry),
  };
}

/** Texts that stand for files, by their paths. */
export function memoryDirectory(files: ReadonlyMap<string, Uint8Array>): DirectoryProvider {
  return {
    list: ({ followPaths }, tell) => {
      for (const [path, bytes] of files)
        if (followPaths.length === 0 || followPaths.includes(path)) tell(describe(path, bytes));
      return {};
    },
    read: ({ path }) => inChunks(files.get(path) ?? new Uint8Array()),
  };
}

function* inChunks(bytes: Uint8Array): Generator<Uint8Array, void> {
  for (let at = 0; at < bytes.length; at += CHUNK_BYTES) yield bytes.subarray(at, at + CHUNK_BYTES);
}

/** No more than was told: a file that grows meanwhile is cut. */
function* readChunks(root: string, { path, sizeBytes }: WireEntry): Generator<Uint8Array, void> {
  const fd = open(root, path);
  try {
    for (let left = sizeBytes; left > 0; ) {
      const chunk = Buffer.allocUnsafeSlow(Math.min(CHUNK_BYTES, left));
      const count = readSync(fd, chunk, 0, chunk.length, null);
      if (count === 0) return;
      left -= count;
      yield chunk.subarray(0, count);
    }
  } finally {
    closeSync(fd);
  }
}

function open(root: string, path: string): number {
  try {
    return openSync(placeOfText(`${root}/${path}`), fs.O_RDONLY | fs.O_NOFOLLOW | fs.O_NONBLOCK);
  } catch (cause) {
    throw unreadable(path, cause);
  }
}

function describe(path: string, bytes: Uint8Array): WireEntry {
  return {
    path,
    mode: fs.S_IFREG | 0o644,
    sizeBytes: bytes.length,
    modifiedNs: 0n,
    linkName: '',
    uid: 0,
    gid: 0,
    deviceMajor: 0,
    deviceMinor: 0,
    xattrs: {},
  };
}
