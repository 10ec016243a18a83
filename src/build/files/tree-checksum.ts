import { createHash, type Hash } from 'node:crypto';
import { type BigIntStats, closeSync, constants, openSync, readlinkSync, readSync } from 'node:fs';
import { childPath, sortedNames, statOf, storableXattrs } from '#layer/tree-walk.ts';
import type { FileSelection } from './file-jobs.ts';
import { inTree } from './in-tree.ts';
import { SourceSelector } from './source-paths.ts';

const BUFFER_BYTES = 1 << 18;

/** Equal for equal files under equal names, whenever and wherever they were written. */
export function checksumSources(selection: FileSelection): string {
  return inTree(selection.source, () => {
    const selector = new SourceSelector(selection);
    const checksum = new TreeChecksum(selector, selection.ownedByRoot);
    for (const { path, name, isDirectory } of selector.find())
      checksum.add(Buffer.from(path), isDirectory ? '' : name);
    return checksum.digest();
  });
}

class TreeChecksum {
  readonly #hash: Hash = createHash('sha256');
  readonly #buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES);
  readonly #selector: SourceSelector;
  readonly #ownedByRoot: boolean;

  constructor(selector: SourceSelector, ownedByRoot: boolean) {
    this.#selector = selector;
    this.#ownedByRoot = ownedByRoot;
  }

  /** @param name latin1 */
  add(path: Buffer, name: string): void {
    const stats = statOf(path);
    if (!stats || stats.isSocket() || this.#selector.leavesOut(path, stats)) return;
    const { mode, uid, gid, rdev } = stats;
    this.#field(`${mode} ${this.#ownedByRoot ? '0 0' : `${uid} ${gid}`} ${rdev}`);
    this.#field(name);
    for (const [key, value] of storableXattrs(path)) this.#field(`${key}=${value.toString('latin1')}`);
    if (stats.isSymbolicLink()) this.#field(readlinkSync(path, { encoding: 'latin1' }));
    else if (stats.isFile()) this.#content(path, stats);
    else if (stats.isDirectory())
      for (const child of sortedNames(path)) this.add(childPath(path, child), `${name}/${child}`);
  }

  digest(): string {
    return this.#hash.digest('hex');
  }

  /** With its length, so that no two different sequences look alike. */
  #field(text: string): void {
    this.#hash.update(`${text.length}:${text}`, 'latin1');
  }

  #content(path: Buffer, { size }: BigIntStats): void {
    this.#hash.update(`${size}:`);
    const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
    try {
      for (let count = this.#read(fd); count > 0; count = this.#read(fd))
        this.#hash.update(this.#buffer.subarray(0, count));
    } finally {
      closeSync(fd);
    }
  }

  #read(fd: number): number {
    return readSync(fd, this.#buffer, 0, BUFFER_BYTES, null);
  }
}
