import { type BigIntStats, constants as fs, lstatSync, readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { EngineError } from '#base/errors.ts';
import { compileIgnore, type IgnoreMatcher } from '#oci/ignore.ts';
import type { WireEntry, WireFileQuery } from '#wire/build-session.ts';
import { EVERYTHING, followPaths, type WantedPath } from './path-filter.ts';

/** What a name has that was no UTF-8. */
const REPLACEMENT = '\uFFFD';

/**
 * The files of a directory that a query asks for, parents first; blocks, for it is much faster so. Sockets are left
 * out; owners too, for a context's files count as root's.
 *
 * @throws {EngineError} `invalid` for a directory that cannot be read
 */
export function listFiles(root: string, query: WireFileQuery): Generator<WireEntry, void> {
  const wanted = followPaths(root, query.followPaths);
  return new Walk(root, query).directory('', wanted);
}

class Walk {
  readonly #root: string;
  readonly #excluded: IgnoreMatcher;
  readonly #included: IgnoreMatcher | undefined;
  /** The first path of files that have several. */
  readonly #linked = new Map<string, string>();

  constructor(root: string, { excludePatterns, includePatterns }: WireFileQuery) {
    this.#root = root;
    this.#excluded = compileIgnore(excludePatterns);
    this.#included = includePatterns.length > 0 ? compileIgnore(includePatterns) : undefined;
  }

  *directory(path: string, wanted: WantedPath): Generator<WireEntry, void> {
    for (const name of this.#names(path)) {
      const below = wanted.child(name);
      if (below) yield* this.#entry(path === '' ? name : `${path}/${name}`, below);
    }
  }

  *#entry(path: string, wanted: WantedPath): Generator<WireEntry, void> {
    const stats = this.#stat(path);
    if (!stats || stats.isSocket()) return;
    const isLeftOut = this.#isLeftOut(path);
    if (!stats.isDirectory()) {
      if (!isLeftOut) yield this.#describe(path, stats);
      return;
    }
    if (isLeftOut && this.#excluded.canSkip(path)) return;
    // A directory that is left out is there for what is brought back in it.
    const entry = this.#describe(path, stats);
    let isTold = !isLeftOut;
    if (isTold) yield entry;
    for (const inside of this.directory(path, wanted.all ? EVERYTHING : wanted)) {
      if (!isTold) yield entry;
      isTold = true;
      yield inside;
    }
  }

  #isLeftOut(path: string): boolean {
    return this.#excluded.matches(path) || this.#included?.matches(path) === false;
  }

  #names(path: string): readonly string[] {
    try {
      return readdirSync(join(this.#root, path)).toSorted();
    } catch (error) {
      throw unreadable(path === '' ? this.#root : path, error);
    }
  }

  /** Undefined for what is gone meanwhile. */
  #stat(path: string): BigIntStats | undefined {
    const stats = lstatSync(join(this.#root, path), { bigint: true, throwIfNoEntry: false });
    if (!stats && path.includes(REPLACEMENT))
      throw new EngineError('invalid', `Cannot send ${JSON.stringify(path)}: its name is not UTF-8`);
    return stats;
  }

  #describe(path: string, stats: BigIntStats): WireEntry {
    const mode = Number(stats.mode);
    const first = this.#firstName(path, stats);
    const isLink = (mode & fs.S_IFMT) === fs.S_IFLNK;
    const isDevice = stats.rdev !== 0n && (stats.isCharacterDevice() || stats.isBlockDevice());
    const device = isDevice ? Number(stats.rdev) : 0;
    return {
      path,
      mode,
      sizeBytes: stats.isFile() && first === undefined ? Number(stats.size) : 0,
      modifiedNs: stats.mtimeNs,
      linkName: isLink ? readlinkSync(join(this.#root, path)) : (first ?? ''),
      uid: 0,
      gid: 0,
      // st_rdev: makedev(3).
      deviceMajor: (device >>> 8) & 0xfff,
      deviceMinor: (device & 0xff) | ((device >>> 12) & 0xfff00),
    };
  }

  #firstName(path: string, stats: BigIntStats): string | undefined {
    if (stats.nlink < 2n || !stats.isFile()) return undefined;
    const key = `${stats.dev}:${stats.ino}`;
    const first = this.#linked.get(key);
    if (first === undefined) this.#linked.set(key, path);
    return first;
  }
}

function unreadable(path: string, cause: unknown): EngineError {
  const reason = cause instanceof Error && 'code' in cause ? String(cause.code) : 'it cannot be read';
  return new EngineError('invalid', `Cannot send ${path}: ${reason}`, { cause });
}
