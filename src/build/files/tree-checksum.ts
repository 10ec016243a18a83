import { constants as fs } from 'node:fs';
import { createHash, type Hash } from 'node:crypto';
import { bytesOfText } from '#base/byte-text.ts';
import type { ByteName } from '#layer/layer-tree.ts';
import type { FileSelection } from './file-jobs.ts';
import { inTree } from './in-tree.ts';
import { SourceSelector } from './source-paths.ts';
import { rootTree, type SourceStats, type SourceTree } from './source-tree.ts';
import { walkSource, type WalkedFile } from './source-walk.ts';

/** Equal for equal files under equal names, whenever and wherever they were written. */
export function checksumSources(selection: FileSelection): string {
  return inTree(selection.source, () => checksumTree(rootTree, selection));
}

/** The same for a tree of this thread. */
export function checksumTree(tree: SourceTree, selection: Omit<FileSelection, 'source'>): string {
  const checksum = new TreeChecksum(tree, selection.ownedByRoot);
  const walked = {
    stat: (path: ByteName) => tree.stat(path),
    names: (directory: ByteName) => tree.names(directory),
    isDirectory: ({ mode }: SourceStats) => (mode & fs.S_IFMT) === fs.S_IFDIR,
  };
  for (const { path, name, isDirectory, choice } of new SourceSelector(selection, tree).find()) {
    const prefix = isDirectory ? '' : name;
    for (const file of walkSource(walked, bytesOfText(path).toString('latin1'), choice))
      checksum.add(file, file.relative === '' ? prefix : `${prefix}/${file.relative}`);
  }
  return checksum.digest();
}

const PENDING_CHARACTERS = 1 << 14;

class TreeChecksum {
  readonly #hash: Hash = createHash('sha256');
  readonly #tree: SourceTree;
  readonly #ownedByRoot: boolean;
  /** Bytes that are not hashed yet, one character each: a call for each name would take longer than the hash. */
  #pending = '';

  constructor(tree: SourceTree, ownedByRoot: boolean) {
    this.#tree = tree;
    this.#ownedByRoot = ownedByRoot;
  }

  add({ path, stats }: WalkedFile<SourceStats>, name: ByteName): void {
    const { mode, uid, gid, rdev, sizeBytes } = stats;
    const type = mode & fs.S_IFMT;
    if (type === fs.S_IFSOCK) return;
    if (this.#pending.length > PENDING_CHARACTERS) this.#flush();
    this.#field(`${mode} ${this.#ownedByRoot ? '0 0' : `${uid} ${gid}`} ${rdev}`);
    this.#field(name);
    for (const [key, value] of this.#tree.xattrs(path)) this.#field(`${key}=${value.toString('latin1')}`);
    if (type === fs.S_IFLNK) this.#field(this.#tree.link(path));
    else if (type === fs.S_IFREG) this.#pending += `${sizeBytes}:${this.#tree.digest(path)}`;
  }

  digest(): string {
    this.#flush();
    return this.#hash.digest('hex');
  }

  #flush(): void {
    this.#hash.update(this.#pending, 'latin1');
    this.#pending = '';
  }

  /** With its length, so that no two different sequences look alike. */
  #field(text: string): void {
    this.#pending += `${text.length}:${text}`;
  }
}
