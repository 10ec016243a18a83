import { constants as fs } from 'node:fs';
import { posix } from 'node:path';
import type { EngineError } from '#base/errors.ts';
import { buildError } from '../build-errors.ts';
import { compileIgnore, type IgnoreMatcher } from '#oci/ignore.ts';
import type { FileSelection } from './file-jobs.ts';
import { globPattern, hasWildcards } from '#oci/glob.ts';
import { rootTree, type SourceTree } from './source-tree.ts';
import type { Choice } from './source-walk.ts';

/** One thing to copy. */
export interface SourcePath {
  /** Absolute, links followed. */
  readonly path: string;
  /** The name that a copy of it gets: as it was written. */
  readonly name: string;
  readonly isDirectory: boolean;
  /** The part of it that is copied. */
  readonly choice: Choice;
}

type Selected = Omit<FileSelection, 'source' | 'ownedByRoot'> & Partial<Pick<FileSelection, 'ownedByRoot'>>;

const NOTHING = compileIgnore([]);
/** Separates what a copy leaves out of a path from what it keeps. */
const PIVOT = '/./';

/** What a selection means in a tree; by default, in the root directory of this thread. */
export class SourceSelector {
  readonly #tree: SourceTree;
  readonly #selection: Selected;
  readonly #ignored: IgnoreMatcher;
  readonly #excluded: IgnoreMatcher;
  readonly #included: IgnoreMatcher | undefined;

  constructor(selection: Selected, tree: SourceTree = rootTree) {
    this.#tree = tree;
    this.#selection = selection;
    this.#ignored = compileIgnore(selection.ignore);
    this.#excluded = selection.exclude ? compileIgnore(selection.exclude) : NOTHING;
    this.#included = selection.include && compileIgnore(selection.include);
  }

  /**
   * Finds the sources. Links at the end of a path are followed, as in Docker.
   *
   * @throws {EngineError} `invalid` where there is nothing
   */
  find(): readonly SourcePath[] {
    const { paths, withParents } = this.#selection;
    return paths.flatMap((path) => (withParents ? this.#withParents(path) : this.#plain(path)));
  }

  #plain(path: string): readonly SourcePath[] {
    const clean = posix.join('/', path);
    const isPattern = hasWildcards(clean);
    const names = isPattern ? this.#expand(clean) : [clean.replace(/(?<=.)\/$/, '')];
    const included = this.#included && { matcher: this.#included, prefix: '' };
    const choice = { ignored: this.#ignored, excluded: this.#excluded, ...(included && { included }) };
    const sources = names
      .flatMap((name) => this.#sourceAt(name, choice) ?? [])
      .filter((source) => !this.#isLeftOut(source));
    // As in BuildKit, a pattern may match nothing.
    if (sources.length === 0 && !isPattern) throw this.#missing(path);
    return sources.filter(({ name, isDirectory }) => isDirectory || !this.#excluded.matches(name));
  }

  /** Copies of all of a path keep its directories: it is a choice from the root, or from what the pivot names. */
  #withParents(path: string): readonly SourcePath[] {
    const [base = '', ...rest] = path.split(PIVOT);
    const [from, pattern] = rest.length === 0 ? ['/', path] : [base, rest.join(PIVOT)];
    const wanted = posix.join('/', pattern).slice(1).replace(/\/$/, '');
    const isPattern = hasWildcards(pattern) || hasWildcards(from);
    const included = { matcher: compileIgnore([wanted]), prefix: prefixOf(wanted) };
    const choice = { ignored: this.#ignored, excluded: this.#excluded, ...(wanted !== '' && { included }) };
    const bases = hasWildcards(from) ? this.#expand(posix.join('/', from)) : [posix.join('/', from)];
    const sources = bases.flatMap((name) => this.#sourceAt(name, choice) ?? []);
    const required = posix.join('/', from, pattern);
    if (!isPattern && !this.#isThere(required)) throw this.#missing(path);
    return sources;
  }

  #missing(path: string): EngineError {
    return buildError(this.#selection.ownedByRoot ? 'context-file-missing' : 'copied-file-missing', {
      subject: path,
    });
  }

  #isThere(path: string): boolean {
    const found = this.#tree.resolve(path.replace(/(?<=.)\/$/, ''));
    return found !== undefined && !this.#isLeftOut(found);
  }

  #isLeftOut({ path, isDirectory }: Pick<SourcePath, 'path' | 'isDirectory'>): boolean {
    const name = path.slice(1);
    return isDirectory ? this.#ignored.canSkip(name) : this.#ignored.matches(name);
  }

  #sourceAt(path: string, choice: Choice): SourcePath | undefined {
    const found = this.#linkAt(path) ?? this.#tree.resolve(path);
    return found && { ...found, name: posix.basename(path), choice };
  }

  /** A link that is meant itself; only the way to it is followed. */
  #linkAt(path: string): Pick<SourcePath, 'path' | 'isDirectory'> | undefined {
    const above = this.#selection.keepsLinks ? this.#tree.resolve(posix.dirname(path)) : undefined;
    if (!above) return undefined;
    const link = posix.join(above.path, posix.basename(path));
    const stats = this.#tree.stat(Buffer.from(link).toString('latin1'));
    const isLink = stats !== undefined && (stats.mode & fs.S_IFMT) === fs.S_IFLNK;
    return isLink ? { path: link, isDirectory: false } : undefined;
  }

  /** Sorted; part by part, so that only directories which can match are read. */
  #expand(pattern: string): readonly string[] {
    let found: readonly string[] = ['/'];
    for (const part of pattern.split('/').filter((part) => part !== '')) {
      const isPlain = !hasWildcards(part);
      const matcher = globPattern(part);
      found = found.flatMap((directory) =>
        isPlain
          ? [posix.join(directory, part)]
          : this.#tree
              .list(directory)
              .filter((name) => matcher.test(name))
              .map((name) => posix.join(directory, name)),
      );
    }
    return found;
  }
}

/** The directories before the first wildcard. */
function prefixOf(pattern: string): string {
  const parts = pattern.split('/');
  const first = parts.findIndex(hasWildcards);
  return (first < 0 ? parts : parts.slice(0, first)).join('/');
}
