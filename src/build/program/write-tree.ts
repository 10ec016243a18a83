/** A tree that a build sends, written into a directory. */
import {
  chmodSync,
  createWriteStream,
  linkSync,
  mkdirSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
} from 'node:fs';
import { join, posix, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { unlessErrno } from '#base/errno.ts';
import { placeOfText } from '#base/byte-text.ts';
import { EngineError } from '#base/errors.ts';
import { setXattr } from '#linux/xattrs.ts';
import type { FileEntry, FileTree } from '../session/build-session.ts';

const TYPE_MASK = 0o170000;
const TYPES = { directory: 0o040000, link: 0o120000, file: 0o100000 };

/**
 * What is there already and has no part in the tree stays. Owners and devices are left out: the files are the
 * caller's.
 *
 * @throws {EngineError} `invalid` for paths that lead out of the directory
 */
export async function writeTree(destination: string, tree: FileTree): Promise<void> {
  const root = resolve(destination);
  mkdirSync(root, { recursive: true });
  for await (const entry of tree.entries()) await writeEntry(root, tree, entry);
}

async function writeEntry(root: string, tree: FileTree, entry: FileEntry): Promise<void> {
  const { mode, linkName } = entry;
  const path = inside(root, entry.path);
  const type = mode & TYPE_MASK;
  if (type === TYPES.directory) {
    makeDirectory(path, mode);
    writeXattrs(path, entry);
    return;
  }
  rmSync(path, { force: true, recursive: true });
  if (type === TYPES.link) symlinkSync(placeOfText(linkName), path);
  else if (type === TYPES.file && linkName !== '') linkSync(inside(root, linkName), path);
  else if (type === TYPES.file) await writeFile(path, tree, entry);
}

/** Parents are written before what they hold, and never as links: nothing leads out of the root. */
function inside(root: string, path: string): string | Buffer {
  if (posix.join('/', path) === `/${path}` && path !== '') return placeOfText(join(root, path));
  throw new EngineError('invalid', `Cannot write ${JSON.stringify(path)}: not a path below the destination`);
}

function makeDirectory(path: string | Buffer, mode: number): void {
  if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) {
    rmSync(path, { force: true, recursive: true });
    mkdirSync(path);
  }
  chmodSync(path, (mode & 0o7777) | 0o700);
}

async function writeFile(path: string | Buffer, tree: FileTree, entry: FileEntry): Promise<void> {
  await pipeline(tree.contents(entry), createWriteStream(path, { flags: 'wx' }));
  chmodSync(path, entry.mode & 0o7777);
  writeXattrs(path, entry);
  const seconds = Number(entry.modifiedNs) / 1e9;
  utimesSync(path, seconds, seconds);
}

/** What the file system does not take is left out. */
function writeXattrs(path: string | Buffer, { xattrs }: FileEntry): void {
  for (const [name, value] of Object.entries(xattrs))
    unlessErrno(() => setXattr(path, name, value), 'EPERM', 'EACCES', 'EOPNOTSUPP', 'ENOSPC', 'E2BIG');
}
