import { constants as fs } from 'node:fs';
import { posix } from 'node:path';
import { EngineError } from '#base/errors.ts';
import type { ByteName } from '#layer/layer-tree.ts';
import { compileIgnore, type IgnoreMatcher } from '../dockerfile/ignore.ts';
import type { FileSelection } from './file-jobs.ts';
import { globPattern, hasWildcards } from './glob.ts';
import { rootTree, type SourceTree } from './source-tree.ts';

/** One thing to copy. */
export interface SourcePath {
  /** Absolute, links followed. */
  readonly path: string;
  /** As it was named: what a copy of it is called. */
  readonly name: string;
  readonly isDirectory: boolean;
}

/** What a selection means in a tree; by default, in the root directory of this thread. */
export class SourceSelector {
  readonly #tree: SourceTree;
  readonly #paths: readonly string[];
  readonly #ignored: IgnoreMatcher;

  constructor({ paths, ignore }: Pick<FileSelection, 'paths' | 'ignore'>, tree: SourceTree = rootTree) {
    this.#tree = tree;
    this.#paths = paths;
    this.#ignored = compileIgnore(ignore);
  }

  /**
   * Finds the sources. Links at the end of a path are followed, as in Docker.
   *
   * @throws {EngineError} `invalid` where there is nothing
   */
  find(): readonly SourcePath[] {
    return this.#paths.flatMap((path) => {
      const clean = posix.join('/', path);
      const names = hasWildcards(clean) ? this.#expand(clean) : [clean.replace(/(?<=.)\/$/, '')];
      const sources = names
        .flatMap((name) => this.#sourceAt(name) ?? [])
        .filter((source) => !this.#isIgnored(source));
      if (sources.length > 0) return sources;
      if (hasWildcards(clean))
        throw new EngineError('invalid', 'COPY failed: no source files were specified');
      throw missing(path);
    });
  }

  /** True for a file that is ignored, and a directory with all that is in it. */
  leavesOut(path: ByteName, { mode }: { readonly mode: number }): boolean {
    if (this.#ignored.isEmpty) return false;
    const text = Buffer.from(path, 'latin1').toString();
    return this.#isIgnored({ path: text, isDirectory: (mode & fs.S_IFMT) === fs.S_IFDIR });
  }

  #isIgnored({ path, isDirectory }: Pick<SourcePath, 'path' | 'isDirectory'>): boolean {
    const name = path.replace(/^\/+/, '');
    return isDirectory ? this.#ignored.canSkip(name) : this.#ignored.matches(name);
  }

  #sourceAt(path: string): SourcePath | undefined {
    const found = this.#tree.resolve(path);
    return found && { ...found, name: posix.basename(path) };
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

/** Docker's words. */
function missing(path: string): EngineError {
  const text = `COPY failed: file not found in build context or excluded by .dockerignore: stat ${path}: file does not exist`;
  return new EngineError('invalid', text);
}
