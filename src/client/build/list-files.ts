import { constants as fs, lstatSync, type Stats } from 'node:fs';
import { linkTarget, namesIn, placeOfText } from '#base/byte-text.ts';
import { compileIgnore, type IgnoreMatcher } from '#oci/ignore.ts';
import type { ListingMarks, WireEntry, WireFileQuery } from '#wire/build-session.ts';
import { type HashBytes, markOf } from './listing-mark.ts';
import { followPaths, type WantedPath } from './path-filter.ts';
import { codeOf, unreadable } from './unreadable.ts';
import type { ReadXattrs } from './xattrs.ts';

/**
 * Tells the files of a directory that a query asks for, parents first; blocks, for it is much faster so. Sockets are
 * left out; owners too, for a context's files count as root's.
 *
 * @throws {EngineError} `invalid` for a directory that cannot be read
 */
export function listFiles(root: string, query: WireFileQuery, options: ListOptions): ListingMarks {
  const walk = new Walk(root, query, options);
  walk.directory('', followPaths(root, query.followPaths));
  return walk.marks;
}

export interface ListOptions {
  readonly readXattrs: ReadXattrs;
  readonly hash: HashBytes;
  readonly tell: (entry: WireEntry) => void;
  /** Default: now. */
  readonly nowMs?: number;
}

/** An entry of a directory that is told to the engine, or that is on the way to one. */
interface Child {
  readonly path: string;
  readonly stats: Stats;
  readonly wanted: WantedPath;
  /** Told only with what is brought back in it. */
  readonly isLeftOut: boolean;
}

interface Look {
  /** The files are those of the last listing, and none of them had attributes. */
  readonly isKnown: boolean;
  hasAttributes: boolean;
}

/** Marks travel in one frame, to the client and back: so many of paths so long fit into it. */
const MAXIMUM_MARKS = 10_000;
const MAXIMUM_MARKED_PATH = 100;
const NO_XATTRS = {};

class Walk {
  readonly #root: string;
  readonly #options: ListOptions;
  readonly #excluded: IgnoreMatcher;
  readonly #included: IgnoreMatcher | undefined;
  /** The first path of files that have several. */
  readonly #linked = new Map<string, string>();
  /** Directories on the way that are there only for what is brought back in them. */
  readonly #waiting: WireEntry[] = [];
  readonly marks: Record<string, string> = {};
  readonly #known: ListingMarks;
  readonly #nowMs: number;
  #marked = 0;

  constructor(root: string, query: WireFileQuery, options: ListOptions) {
    const { excludePatterns, includePatterns } = query;
    this.#root = root;
    this.#options = options;
    this.#known = query.marks ?? {};
    this.#nowMs = options.nowMs ?? Date.now();
    this.#excluded = compileIgnore(excludePatterns);
    this.#included = includePatterns.length > 0 ? compileIgnore(includePatterns) : undefined;
  }

  directory(path: string, wanted: WantedPath): void {
    const children = this.#children(path, wanted);
    const mark = this.#markOf(path, children);
    const look: Look = { isKnown: mark !== undefined && mark === this.#known[path], hasAttributes: false };
    for (const child of children) this.#child(child, look);
    if (mark === undefined || look.hasAttributes || this.#marked >= MAXIMUM_MARKS) return;
    this.#marked++;
    this.marks[path] = mark;
  }

  #child({ path, stats, wanted, isLeftOut }: Child, look: Look): void {
    const entry = this.#describe(path, stats, look);
    if (isLeftOut) this.#waiting.push(entry);
    else this.#tell(entry);
    if ((stats.mode & fs.S_IFMT) !== fs.S_IFDIR) return;
    this.directory(path, wanted);
    if (this.#waiting.at(-1) === entry) this.#waiting.pop();
  }

  #children(directory: string, wanted: WantedPath): readonly Child[] {
    const children: Child[] = [];
    for (const name of this.#names(directory)) {
      const below = wanted.child(name);
      if (!below) continue;
      const path = directory === '' ? name : `${directory}/${name}`;
      const stats = this.#stat(path);
      const type = (stats?.mode ?? 0) & fs.S_IFMT;
      if (!stats || type === fs.S_IFSOCK) continue;
      const isLeftOut = this.#isLeftOut(path);
      if (isLeftOut && (type !== fs.S_IFDIR || this.#excluded.canSkip(path))) continue;
      children.push({ path, stats, wanted: below, isLeftOut });
    }
    return children;
  }

  #markOf(path: string, children: readonly Child[]): string | undefined {
    if (children.length === 0 || path.length > MAXIMUM_MARKED_PATH) return undefined;
    return markOf(children, { hash: this.#options.hash, nowMs: this.#nowMs });
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

  #describe(path: string, stats: Stats, look: Look): WireEntry {
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
      xattrs: this.#xattrs(place, look, first !== undefined),
    };
  }

  /** A file with several names has its attributes under the first only, which may be another the next time. */
  #xattrs(place: string, look: Look, isTwin: boolean): WireEntry['xattrs'] {
    if (isTwin) look.hasAttributes = true;
    if (isTwin || look.isKnown) return NO_XATTRS;
    const xattrs = this.#options.readXattrs(place);
    for (const _ in xattrs) look.hasAttributes = true;
    return xattrs;
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
