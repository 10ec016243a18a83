import { readdirSync, realpathSync, statSync } from 'node:fs';
import { posix } from 'node:path';
import { EngineError } from '#base/errors.ts';
import { isErrno } from '#linux/errno.ts';
import { compileIgnore, type IgnoreMatcher } from '../dockerfile/ignore.ts';
import type { FileSelection } from './file-jobs.ts';
import { globPattern, hasWildcards } from './glob.ts';

/** One thing to copy. */
export interface SourcePath {
  /** Absolute, links followed. */
  readonly path: string;
  /** As it was named: what a copy of it is called. */
  readonly name: string;
  readonly isDirectory: boolean;
}

/** What a selection means in the root directory of this thread. */
export class SourceSelector {
  readonly #paths: readonly string[];
  readonly #ignored: IgnoreMatcher;

  constructor({ paths, ignore }: Pick<FileSelection, 'paths' | 'ignore'>) {
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
      const names = hasWildcards(clean) ? expand(clean) : [clean.replace(/(?<=.)\/$/, '')];
      const sources = names
        .flatMap((name) => sourceAt(name) ?? [])
        .filter((source) => !this.#isIgnored(source));
      if (sources.length > 0) return sources;
      if (hasWildcards(clean))
        throw new EngineError('invalid', 'COPY failed: no source files were specified');
      throw missing(path);
    });
  }

  /** True for a file that is ignored, and a directory with all that is in it. */
  leavesOut(path: Buffer, stats: { isDirectory(): boolean }): boolean {
    return (
      !this.#ignored.isEmpty && this.#isIgnored({ path: path.toString(), isDirectory: stats.isDirectory() })
    );
  }

  #isIgnored({ path, isDirectory }: Pick<SourcePath, 'path' | 'isDirectory'>): boolean {
    const name = path.slice(1);
    return isDirectory ? this.#ignored.canSkip(name) : this.#ignored.matches(name);
  }
}

function sourceAt(path: string): SourcePath | undefined {
  try {
    const real = realpathSync(path);
    return { path: real, name: posix.basename(path), isDirectory: statSync(real).isDirectory() };
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ENOTDIR', 'ELOOP')) return undefined;
    throw error;
  }
}

/** Docker's words. */
function missing(path: string): EngineError {
  const text = `COPY failed: file not found in build context or excluded by .dockerignore: stat ${path}: file does not exist`;
  return new EngineError('invalid', text);
}

/** Sorted; part by part, so that only directories which can match are read. */
function expand(pattern: string): readonly string[] {
  let found: readonly string[] = ['/'];
  for (const part of pattern.split('/').filter((part) => part !== '')) {
    const isPlain = !hasWildcards(part);
    const matcher = globPattern(part);
    found = found.flatMap((directory) =>
      isPlain
        ? [posix.join(directory, part)]
        : namesIn(directory)
            .filter((name) => matcher.test(name))
            .map((name) => posix.join(directory, name)),
    );
  }
  return found;
}

function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory).toSorted();
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ENOTDIR')) return [];
    throw error;
  }
}
