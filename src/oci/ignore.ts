/** `.dockerignore`: which files of a context do not count. Also the `--exclude` of ADD and COPY. */
import { posix } from 'node:path';
import { compileIgnorePattern, type IgnorePattern } from './ignore-pattern.ts';

export interface IgnoreMatcher {
  /** True if nothing can be ignored. */
  readonly isEmpty: boolean;
  readonly hasExceptions: boolean;
  /** A pattern (`*`, `**`) leaves nothing of the context, unless exceptions do. */
  readonly ignoresEverything: boolean;
  /**
   * Whether `path`, slash-separated and relative to the context, is ignored: the last pattern that matches it or a
   * directory above it decides. Verdicts on directories are remembered, so asking for a whole tree costs each pattern
   * once per file and directory.
   */
  readonly matches: (path: string) => boolean;
  /** True if a walk may skip the directory: it is ignored, and no exception can bring back what is in it. */
  readonly canSkip: (directory: string) => boolean;
}

/**
 * The files that may hold the patterns, the first that exists counts: one beside the Dockerfile, then the context's.
 */
export function ignoreFileNames(dockerfilePath: string): readonly [string, string] {
  return [`${dockerfilePath}.dockerignore`, '.dockerignore'];
}

/** The patterns of an ignore file: comments and blanks gone, paths cleaned and relative. */
export function parseIgnoreFile(text: string): readonly string[] {
  return text
    .replace(/^\uFEFF/, '')
    .split('\n')
    .filter((line) => !line.startsWith('#'))
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .map(cleanPattern);
}

function cleanPattern(line: string): string {
  const isException = line.startsWith('!');
  const path = isException ? line.slice(1).trim() : line;
  if (path === '') return '!';
  const cleaned = cleanPath(path);
  const relative = cleaned.length > 1 && cleaned.startsWith('/') ? cleaned.slice(1) : cleaned;
  return isException ? `!${relative}` : relative;
}

/** Go's `path.Clean`: also without the slash at the end that Node keeps. */
function cleanPath(path: string): string {
  const normal = posix.normalize(path);
  return normal.length > 1 && normal.endsWith('/') ? normal.slice(0, -1) : normal;
}

/** @throws {EngineError} `invalid` for a malformed pattern */
export function compileIgnore(patterns: readonly string[]): IgnoreMatcher {
  const compiled = patterns
    .map((pattern) => pattern.trim())
    .filter((pattern) => pattern !== '')
    .map((pattern) => compileIgnorePattern(pattern.startsWith('!') ? pattern : cleanPath(pattern)));
  return new CompiledIgnore(compiled);
}

class CompiledIgnore implements IgnoreMatcher {
  readonly isEmpty: boolean;
  readonly hasExceptions: boolean;
  readonly ignoresEverything: boolean;
  readonly #patterns: readonly IgnorePattern[];
  /** For each directory asked about: which patterns match it or one above it. */
  readonly #directories = new Map<string, readonly boolean[]>();
  readonly #nothing: readonly boolean[];

  constructor(patterns: readonly IgnorePattern[]) {
    this.#patterns = patterns;
    this.#nothing = patterns.map(() => false);
    this.isEmpty = patterns.every(({ isException }) => isException);
    this.hasExceptions = patterns.some(({ isException }) => isException);
    this.ignoresEverything = patterns.some(
      ({ isException, text }) => !isException && ['*', '**', '**/*'].includes(text),
    );
  }

  readonly matches = (path: string): boolean => {
    if (this.isEmpty || path === '' || path === '.') return false;
    const above = this.#matchesOf(parentOf(path));
    let ignored = false;
    for (const [index, pattern] of this.#patterns.entries()) {
      if (pattern.isException !== ignored) continue;
      if (above[index] === true || pattern.test(path)) ignored = !pattern.isException;
    }
    return ignored;
  };

  readonly canSkip = (directory: string): boolean => {
    if (!this.matches(directory)) return false;
    return this.#patterns.every(
      ({ isException, literalPrefix }) => !isException || !overlaps(literalPrefix, directory),
    );
  };

  #matchesOf(directory: string): readonly boolean[] {
    if (directory === '') return this.#nothing;
    const known = this.#directories.get(directory);
    if (known !== undefined) return known;
    const above = this.#matchesOf(parentOf(directory));
    const verdict = this.#patterns.map(({ test }, index) => above[index] === true || test(directory));
    this.#directories.set(directory, verdict);
    return verdict;
  }
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')));
}

/** True if one of the two is at or above the other. */
function overlaps(prefix: string, directory: string): boolean {
  return (
    prefix === '' ||
    prefix === directory ||
    prefix.startsWith(`${directory}/`) ||
    directory.startsWith(`${prefix}/`)
  );
}
