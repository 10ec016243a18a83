import { readdirSync, realpathSync, statSync } from 'node:fs';
import { posix } from 'node:path';
import { EngineError } from '#base/errors.ts';
import { isErrno } from '#linux/errno.ts';
import { globPattern, hasWildcards } from './glob.ts';

/** One thing to copy. */
export interface SourcePath {
  /** Absolute, links followed. */
  readonly path: string;
  /** As it was named: what a copy of it is called. */
  readonly name: string;
  readonly isDirectory: boolean;
}

/**
 * Finds the sources in the root directory of this thread. Links at the end of a path are followed, as in Docker.
 *
 * @throws {EngineError} `invalid` where there is nothing
 */
export function findSources(paths: readonly string[]): readonly SourcePath[] {
  return paths.flatMap((path) => {
    const clean = posix.join('/', path);
    const names = hasWildcards(clean) ? expand(clean) : [clean.replace(/(?<=.)\/$/, '')];
    if (names.length === 0) throw new EngineError('invalid', 'COPY failed: no source files were specified');
    return names.map((name) => find(name, path));
  });
}

function find(path: string, asWritten: string): SourcePath {
  try {
    const real = realpathSync(path);
    return { path: real, name: posix.basename(path), isDirectory: statSync(real).isDirectory() };
  } catch (cause) {
    if (!isErrno(cause, 'ENOENT', 'ENOTDIR', 'ELOOP')) throw cause;
    const text = `COPY failed: file not found in build context or excluded by .dockerignore: stat ${asWritten}: file does not exist`;
    throw new EngineError('invalid', text, { cause });
  }
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
  return found.filter((path) => statSync(path, { throwIfNoEntry: false }) !== undefined);
}

function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory).toSorted();
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ENOTDIR')) return [];
    throw error;
  }
}
