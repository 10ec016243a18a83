/** A directory of this machine as a client's: what a session serves to a build in the same process. */
import { createReadStream, lstatSync, type BigIntStats } from 'node:fs';
import { join, posix } from 'node:path';
import { bytesOfText, linkTarget, namesIn, placeOfText } from '#base/byte-text.ts';
import { storableXattrs } from '#layer/tree-walk.ts';
import { compileIgnore, type IgnoreMatcher } from '#oci/ignore.ts';
import type { FileEntry, FileQuery, FileTransfer } from '../session/build-session.ts';

/** Lists what a query leads to, as it is when it is asked for. */
export class LocalTransfer implements FileTransfer {
  readonly #root: string;
  readonly #ignore: IgnoreMatcher;
  readonly #wanted: readonly string[];
  readonly #files: string[] = [];
  readonly #firstNames = new Map<bigint, string>();

  constructor(root: string, { followPaths, excludePatterns }: FileQuery) {
    this.#root = root;
    this.#ignore = compileIgnore(excludePatterns);
    this.#wanted = wantedPaths(root, followPaths);
  }

  async *entries(): AsyncGenerator<FileEntry, void> {
    yield* this.#below('');
  }

  async *contents(position: number): AsyncGenerator<Buffer, void> {
    const path = placeOfText(join(this.#root, this.#files[position] ?? ''));
    yield* createReadStream(path, { highWaterMark: 1 << 18 });
  }

  async finish(): Promise<void> {}

  async [Symbol.asyncDispose](): Promise<void> {}

  *#below(directory: string): Generator<FileEntry, void> {
    for (const name of namesIn(join(this.#root, directory))) {
      const path = posix.join(directory, name);
      const place = placeOfText(join(this.#root, path));
      const stats = this.#isWanted(path) ? lstatSync(place, { bigint: true }) : undefined;
      if (!stats || stats.isSocket()) continue;
      const isIgnored = this.#ignore.matches(path);
      if (stats.isDirectory() && isIgnored && this.#ignore.canSkip(path)) continue;
      if (!isIgnored || stats.isDirectory()) yield this.#entry(path, stats);
      if (stats.isDirectory()) yield* this.#below(path);
    }
  }

  /** What is on the way to something that is wanted, or below it. */
  #isWanted(path: string): boolean {
    return this.#wanted.some(
      (wanted) => wanted === '' || `${path}/`.startsWith(`${wanted}/`) || `${wanted}/`.startsWith(`${path}/`),
    );
  }

  #entry(path: string, stats: BigIntStats): FileEntry {
    this.#files.push(path);
    return {
      path,
      mode: Number(stats.mode),
      uid: Number(stats.uid),
      gid: Number(stats.gid),
      sizeBytes: stats.isFile() ? Number(stats.size) : 0,
      modifiedNs: stats.mtimeNs,
      linkName: stats.isSymbolicLink() ? linkTarget(join(this.#root, path)) : this.#hardLink(path, stats),
      deviceMajor: 0,
      deviceMinor: 0,
      xattrs: Object.fromEntries(storableXattrs(bytesOfText(join(this.#root, path)))),
    };
  }

  #hardLink(path: string, stats: BigIntStats): string {
    if (!stats.isFile() || stats.nlink < 2n) return '';
    const first = this.#firstNames.get(stats.ino);
    if (first === undefined) this.#firstNames.set(stats.ino, path);
    return first ?? '';
  }
}

const MAXIMUM_LINKS = 255;

/** The paths up to their first wildcard, and what links on the way lead to; everything where there are none. */
function wantedPaths(root: string, paths: readonly string[]): readonly string[] {
  if (paths.length === 0) return [''];
  const wanted = new Set<string>();
  const todo = [...paths];
  for (let next = todo.pop(); next !== undefined && wanted.size < MAXIMUM_LINKS; next = todo.pop()) {
    let path = '';
    for (const part of posix.join('/', next).split('/').filter(Boolean)) {
      if (/[*?[\\]/.test(part)) break;
      path = posix.join(path, part);
      const target = linkAt(join(root, path));
      if (target !== undefined) todo.push(posix.join(posix.dirname(path), target));
    }
    wanted.add(path);
  }
  return [...wanted];
}

function linkAt(path: string): string | undefined {
  const isLink = lstatSync(placeOfText(path), { throwIfNoEntry: false })?.isSymbolicLink();
  return isLink ? linkTarget(path) : undefined;
}
