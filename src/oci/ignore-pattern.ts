/**
 * One pattern of `.dockerignore`: `*` and `?` stay inside a path's component, `**` crosses any number of them, `[a-z]`
 * is a set, `\` escapes. As moby's patternmatcher, but names with newlines match like any other.
 */
import { EngineError } from '#base/errors.ts';
import { type IgnoreElement, matchesElements, parseIgnoreElements } from './ignore-elements.ts';

export interface IgnorePattern {
  /** `!`: takes back what patterns above ignored. */
  readonly isException: boolean;
  /** Cleaned, without `!`. */
  readonly text: string;
  /** `path` itself, not what is under it. */
  readonly test: (path: string) => boolean;
  /** The directories before the first wildcard: all it matches is there or below. */
  readonly literalPrefix: string;
}

/** A regular expression backtracks over each star: with more of them than this, hostile names would take for ever. */
const MAXIMUM_STARS = 2;
const REGULAR_EXPRESSIONS = { star: '[^/]*', directories: '(?:.*/)?', rest: '.*' } as const;

/** @throws {EngineError} `invalid` for `!` alone, an open `[` or a final `\` */
export function compileIgnorePattern(pattern: string): IgnorePattern {
  const isException = pattern.startsWith('!');
  const text = isException ? pattern.slice(1) : pattern;
  if (text === '') throw new EngineError('invalid', 'illegal exclusion pattern: "!"');
  return { isException, text, test: matcherOf(text), literalPrefix: literalPrefixOf(text) };
}

/** The common shapes need no regular expression. */
function matcherOf(text: string): (path: string) => boolean {
  if (!/[*?[\\]/.test(text)) return (path) => path === text;
  const prefix = /^([^*?[\\]*)\*\*$/.exec(text)?.[1];
  if (prefix !== undefined) return (path) => path.startsWith(prefix);
  const [, slash, suffix] = /^\*\*(\/?)([^*?[\\]+)$/.exec(text) ?? [];
  if (suffix === undefined) return elementMatcher(parseIgnoreElements(text));
  if (slash === '') return (path) => path.endsWith(suffix);
  return (path) => path === suffix || path.endsWith(`/${suffix}`);
}

function elementMatcher(elements: readonly IgnoreElement[]): (path: string) => boolean {
  const stars = elements.filter(({ kind }) => kind !== 'one').length;
  if (stars > MAXIMUM_STARS) return (path) => matchesElements(elements, path);
  const sources = elements.map((element) =>
    element.kind === 'one' ? element.source : REGULAR_EXPRESSIONS[element.kind],
  );
  const expression = new RegExp(`^${sources.join('')}$`, 'su');
  return (path) => expression.test(path);
}

function literalPrefixOf(text: string): string {
  const wildcard = text.search(/[*?[\\]/);
  if (wildcard < 0) return text;
  const slash = text.lastIndexOf('/', wildcard);
  return slash < 0 ? '' : text.slice(0, slash);
}
