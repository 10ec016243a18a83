import { constants as fs, lstatSync, type Stats } from 'node:fs';
import { linkTarget, namesIn, placeOfText } from '#base/byte-text.ts';
import { compileIgnore, type IgnoreMatcher } from '#oci/ignore.ts';
import type { WireEntry, WireFileQuery } from '#wire/build-session.ts';
import { followPaths, type WantedPath } from './path-filter.ts';
import { codeOf, unreadable } from './unreadable.ts';
import type { ReadXattrs } from './xattrs.ts';

/**
 * Tells the files of a directory that a query asks for, parents first; blocks, for it is much faster so. Sockets are left
 * out; owners too, for a context's files count as root's.
 *
 * @throws {EngineError} `invalid` for a directory that cannot be read
 */
export function listFiles(root: string, query: WireFileQuery, options: ListOptions): void {
  new Walk(root, query, options).directory('', followPaths(root, query.followPaths));
}

export interface ListOptions {
  readonly readXattrs: ReadXattrs;
  readonly tell: (entry: WireEntry) => void;
}

class Walk {
  readonly #root: string;
  readonly #options: ListOptions;
  readonly #excluded: IgnoreMatcher;
  readonly #included: IgnoreMatcher | undefined;
  /** The first path of files that have several. */
  readonly #linked = new Map<string, string>();
  /** Directories on the way that are there only for what is brought back in them. */
  readonly #waiting: WireEntry[] = [];

  constructor(root: string, query: WireFileQuery, options: ListOptions) {
    const { excludePatterns, includePatterns } = query;
    this.#root = root;
    this.#options = options;
    this.#excluded = compileIgnore(excludePatterns);
    this.#included = includePatterns.length > 0 ? compileIgnore(includePatterns) : undefined;
  }

  directory(path: string, wanted: WantedPath): void {
    for (const name of this.#names(path)) {
      const below = wanted.child(name);
      if (below) this.#entry(path === '' ? name : `${path}/${name}`, below);
    }
  }

  #entry(path: string, wanted: WantedPath): void {
    const stats = this.#stat(path);
    if (!stats) return;
    const type = stats.mode & fs.S_IFMT;
    if (type === fs.S_IFSOCK) return;
    const isLeftOut = this.#isLeftOut(path);
    if (type !== fs.S_IFDIR) {
      if (!isLeftOut) this.#tell(this.#describe(path, stats));
      return;
    }
    if (isLeftOut && this.#excluded.canSkip(path)) return;
    const entry = this.#describe(path, stats);
    if (isLeftOut) this.#waiting.push(entry);
    else this.#tell(entry);
    this.directory(path, wanted);
    if (this.#waiting.at(-1) === entry) this.#waiting.pop();
  }

  #tell(entry: WireEntry): void {
    const { tell } = this.#options;
    if (this.#waiting.length > 0) for (const above of this.#waiting.splice(0)) tell(above);
    tell(entry);
  }

  #isLeftOut(path: string): boolean {
    return this.#excluded.matches(path) || this.#included?.matches(path) === false;
  }

  #names(path: string): readonly string[] {
    try {
      return namesIn(`${this.#root}/${path}`);
    } catch (error) {
      if (path !== '' && codeOf(error) === 'ENOENT') return [];
      throw unreadable(path === '' ? this.#root : path, error);
    }
  }

  /** Undefined for what is gone meanwhile. */
  #stat(path: string): Stats | undefined {
    return lstatSync(placeOfText(`${this.#root}/${path}`), { throwIfNoEntry: false });
  }

  #describe(path: string, stats: Stats): WireEntry {
    const { mode } = stats;
    const place = `${this.#root}/${path}`;
    const type = mode & fs.S_IFMT;
    const isFile = type === fs.S_IFREG;
    const first = isFile && stats.nlink > 1 ? this.#firstName(path, stats) : undefined;
    const device = type === fs.S_IFCHR || type === fs.S_IFBLK ? stats.rdev : 0;
    return {
      path,
      mode,
      sizeBytes: isFile && first === undefined ? stats.size : 0,
      modifiedNs: nanoseconds(stats.mtimeMs),
      linkName: type === fs.S_IFLNK ? linkTarget(place) : (first ?? ''),
      uid: 0,
      gid: 0,
      // st_rdev: makedev(3).
      deviceMajor: (device >>> 8) & 0xfff,
      deviceMinor: (device & 0xff) | ((device >>> 12) & 0xfff00),
      xattrs: first === undefined ? this.#options.readXattrs(place) : {},
    };
  }

  #firstName(path: string, { dev, ino }: Stats): string | undefined {
    const key = `${dev}:${ino}`;
    const first = this.#linked.get(key);
    if (first === undefined) this.#linked.set(key, path);
    return first;
  }
}

/** As exact as a double is: a quarter of a microsecond. Whole ones would cost half of the walk's time. */
function nanoseconds(milliseconds: number): bigint {
  const seconds = Math.floor(milliseconds / 1000);
  return BigInt(seconds) * 1_000_000_000n + BigInt(Math.round((milliseconds - seconds * 1000) * 1e6));
}
