/** What a client told of its files, and where their contents are. */
import { constants as fs } from 'node:fs';
import type { FileEntry } from '../session/build-session.ts';

/** An entry, and where the contents of a regular file are. */
export interface StoredEntry {
  readonly entry: FileEntry;
  /** The offset in the data file; 0 for entries without contents. */
  readonly dataOffset: number;
  /** As many as came: a file may have shrunk since it was told of. */
  readonly storedBytes: number;
  /** SHA-256 of the contents, its bytes as Latin-1: a tenth of what a buffer takes. Empty for all that has none. */
  readonly digest: string;
}

const NO_CONTENTS = { dataOffset: 0, storedBytes: 0, digest: '' } as const;

/** What has no contents to be stored. */
export function withoutContents(entry: FileEntry): StoredEntry {
  return { entry, ...NO_CONTENTS };
}

/** True for what the client is to be asked the contents of. */
export function hasContents({ mode, linkName }: FileEntry): boolean {
  return (mode & fs.S_IFMT) === fs.S_IFREG && linkName === '';
}

export function isHardLink({ mode, linkName }: FileEntry): boolean {
  return (mode & fs.S_IFMT) === fs.S_IFREG && linkName !== '';
}
