/** Files in which package managers, and what builds programs, write down what is installed. */
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import type { FileEntry } from '../../build-session.ts';
import type { RootTree } from '../../export/root-tree.ts';
import type { OsRelease, PackageEntry } from './package-entry.ts';

const { O_RDONLY, O_NOFOLLOW } = constants;

/** To be read at any place, until it is disposed. */
export interface OpenFile extends AsyncDisposable {
  /** Fewer bytes where the file ends before. */
  read(offset: number, lengthBytes: number): Promise<Buffer>;
}

export interface PackageTree {
  /** Parents come before what they hold. */
  entries(): AsyncIterable<FileEntry>;
  open(entry: FileEntry): Promise<OpenFile>;
}

export interface FoundFile extends Pick<OpenFile, 'read'> {
  /** Where it was found: `/var/lib/dpkg/status`. */
  readonly source: string;
  readonly sizeBytes: number;
  readonly release: OsRelease;
  /** A file beside it whose name is longer, whole; empty where it is not there. */
  besides(suffix: string): Promise<Buffer>;
}

/** One form of them. */
export interface PackageSource {
  /** Larger ones are not looked at. */
  readonly maximumBytes: number;
  /** Told by name, mode and size. */
  matches(entry: FileEntry): boolean;
  /** None for what turns out to be something else. @throws {EngineError} `invalid` for what cannot be understood */
  read(file: FoundFile): Promise<readonly PackageEntry[]>;
}

/** A form that is text. */
export function textSource(
  path: RegExp,
  maximumBytes: number,
  parse: (text: string, source: string, release: OsRelease) => readonly PackageEntry[],
): PackageSource {
  return {
    maximumBytes,
    matches: (entry) => path.test(entry.path),
    read: async (file) => {
      const bytes = await file.read(0, file.sizeBytes);
      return parse(bytes.toString(), file.source, file.release);
    },
  };
}

/** What images hold. */
export function packageTreeOf(tree: Pick<RootTree, 'entries' | 'placeOf'>): PackageTree {
  return {
    entries: () => tree.entries(),
    open: async (entry) => openFileOf(await open(tree.placeOf(entry), O_RDONLY | O_NOFOLLOW)),
  };
}

function openFileOf(handle: FileHandle): OpenFile {
  return {
    read: async (offset, lengthBytes) => {
      // Files may point anywhere.
      if (!Number.isSafeInteger(offset)) return Buffer.alloc(0);
      const bytes = Buffer.alloc(lengthBytes);
      let at = 0;
      while (at < lengthBytes) {
        const { bytesRead } = await handle.read(bytes, at, lengthBytes - at, offset + at);
        if (bytesRead === 0) break;
        at += bytesRead;
      }
      return bytes.subarray(0, at);
    },
    [Symbol.asyncDispose]: () => handle.close(),
  };
}
