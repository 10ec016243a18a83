import { chmodSync, chownSync, lstatSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { makeNode } from '#linux/files.ts';
import type { Checksums } from '../cache/checksums.ts';
import type { FileWorkers } from '../files/file-workers.ts';
import type { LocalFiles } from '../definition/vertex.ts';

/** Overlay's mark for a deleted name: a character device 0:0. */
const WHITEOUT_MODE = 0o020000;

export interface IgnoredFiles {
  readonly files: Pick<FileWorkers, 'ignored'>;
  readonly checksums: Checksums;
}

/** A directory that hides, above the files, those that an ignore file names; none where there are none. */
export async function hideIgnored(
  { files, checksums }: IgnoredFiles,
  { directory, ignore, identity }: LocalFiles,
  makeDirectory: () => string,
): Promise<readonly string[]> {
  if (ignore.length === 0) return [];
  const look = async () => JSON.stringify(await files.ignored({ root: directory, ignore }));
  const text =
    identity === undefined ? await look() : await checksums.get(['ignored', identity, ignore], look);
  const paths: readonly string[] = JSON.parse(text);
  if (paths.length === 0) return [];
  const hidden = makeDirectory();
  const made = new Set<string>();
  for (const path of paths) {
    copyDirectory(directory, hidden, dirname(path), made);
    makeNode(join(hidden, path), WHITEOUT_MODE, 0, 0);
  }
  return [hidden];
}

/** With those above it, as they are: overlay shows the attributes of the uppermost. */
function copyDirectory(from: string, to: string, path: string, made: Set<string>): void {
  if (made.has(path)) return;
  made.add(path);
  if (path !== '.') {
    copyDirectory(from, to, dirname(path), made);
    mkdirSync(join(to, path));
  }
  const { mode, uid, gid } = lstatSync(join(from, path));
  chownSync(join(to, path), uid, gid);
  chmodSync(join(to, path), mode & 0o7777);
}
