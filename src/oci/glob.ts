/** Wildcards as Go's path.Match has them: `*` and `?` stay within a path's part, `[a-z]`, `[^a-z]`, `\x`. */
import { matchesElements, parseIgnoreElements } from './ignore-elements.ts';

const SPECIAL = /[*?[\\]/;

export function hasWildcards(text: string): boolean {
  return SPECIAL.test(text);
}

/** A path as a pattern that matches it alone. */
export function escapeWildcards(path: string): string {
  return path.replaceAll(/[\\*?[]/g, String.raw`\$&`);
}

/**
 * Whether a whole path fits; the time of a test grows with the lengths of pattern and path, whatever they are.
 *
 * @throws {EngineError} `invalid` for an open `[` or a final `\`
 */
export function globPattern(pattern: string): { readonly test: (path: string) => boolean } {
  // `**` is no more than `*` here.
  const single = pattern.replaceAll(/(\\.)|\*+/gs, (_, escaped?: string) => escaped ?? '*');
  const elements = parseIgnoreElements(single);
  return { test: (path) => matchesElements(elements, path) };
}
