/** Trees of files on their way to the client: as a tree, or as a tar. */
import { Readable } from 'node:stream';
import { bytesOfText } from '#base/byte-text.ts';
import { encodeHeader, END_OF_ARCHIVE, paddingFor } from '#oci/tar-writer.ts';
import type { TarEntryType } from '#oci/tar-header.ts';
import type { FileEntry, FileTree } from '../session/build-session.ts';
import type { LayoutFile } from './layout.ts';

const TYPE_MASK = 0o170000;
const TYPES: Readonly<Record<number, TarEntryType>> = {
  0o100000: 'file',
  0o040000: 'directory',
  0o120000: 'symlink',
  0o020000: 'character',
  0o060000: 'block',
  0o010000: 'fifo',
};

export const REGULAR = 0o100000;
const DIRECTORY = 0o040000;

/** Sockets are left out: an archive has no place for them. */
export async function* tarOfTree(tree: FileTree): AsyncGenerator<Buffer, void> {
  for await (const entry of tree.entries()) {
    const type = tarType(entry);
    if (!type) continue;
    const { path, mode, uid, gid, linkName, modifiedNs: mtimeNs, deviceMajor, deviceMinor } = entry;
    const sizeBytes = type === 'file' ? entry.sizeBytes : 0;
    const xattrs = new Map(Object.entries(entry.xattrs));
    const names = { path, pathBytes: bytesOfText(path), linkName, linkNameBytes: bytesOfText(linkName) };
    const fields = { ...names, type, mode, uid, gid, sizeBytes, mtimeNs, deviceMajor, deviceMinor };
    yield encodeHeader({ ...fields, xattrs });
    if (type !== 'file') continue;
    yield* tree.contents(entry) as AsyncIterable<Buffer>;
    yield paddingFor(sizeBytes);
  }
  yield END_OF_ARCHIVE;
}

function tarType({ mode, linkName }: FileEntry): TarEntryType | undefined {
  const type = TYPES[mode & TYPE_MASK];
  return type === 'file' && linkName !== '' ? 'hardlink' : type;
}

const PLAIN = {
  uid: 0,
  gid: 0,
  sizeBytes: 0,
  linkName: '',
  deviceMajor: 0,
  deviceMinor: 0,
  xattrs: {},
} as const;

/** A directory that the tree has only to hold others. */
export function directoryEntry(path: string, modifiedNs: bigint): FileEntry {
  return { ...PLAIN, path, mode: DIRECTORY | 0o755, modifiedNs };
}

export function fileEntry(path: string, sizeBytes: number, modifiedNs: bigint, mode = 0o644): FileEntry {
  return { ...PLAIN, path, sizeBytes, mode: REGULAR | mode, modifiedNs };
}

/** Files by path with the directories that they need; everything of one time. */
export function treeOfFiles(files: readonly LayoutFile[], modifiedNs: bigint): FileTree {
  const byPath = new Map(files.map((file) => [file.path, file]));
  return {
    entries: () => entriesOf(files, modifiedNs),
    contents: ({ path }) => byPath.get(path)?.read() ?? Readable.from([]),
  };
}

async function* entriesOf(files: readonly LayoutFile[], modifiedNs: bigint): AsyncGenerator<FileEntry, void> {
  const directories = new Set<string>();
  for (const { path, sizeBytes } of files.toSorted((a, b) => comparePaths(a.path, b.path))) {
    const parts = path.split('/');
    for (let depth = 1; depth < parts.length; depth++) {
      const directory = parts.slice(0, depth).join('/');
      if (!directories.has(directory)) yield directoryEntry(directory, modifiedNs);
      directories.add(directory);
    }
    yield fileEntry(path, sizeBytes, modifiedNs);
  }
}

/** The order in which a walk meets them: name by name, each by its bytes. */
export function comparePaths(a: string, b: string): number {
  return Buffer.compare(separated(a), separated(b));
}

/** A slash sorts before everything that a name can have. */
function separated(path: string): Buffer {
  return bytesOfText(path.replaceAll('/', '\0'));
}
