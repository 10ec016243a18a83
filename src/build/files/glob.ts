/** Wildcards as Go's filepath.Match has them: `*` and `?` stay within a path's part, `[a-z]`, `[^a-z]`, `\x`. */
import { matchesElements, parseIgnoreElements } from '#oci/ignore-elements.ts';

const STAR = { kind: 'star' } as const;
const SPECIAL = /[*?[\\]/;

export function hasWildcards(text: string): boolean {
  return SPECIAL.test(text);
}

/** A path as a pattern that matches it alone. */
export function escapeWildcards(path: string): string {
  return path.replaceAll(/[\\*?[]/g, String.raw`\$&`);
}

/**
 * For one part of a path.
 *
 * @throws {EngineError} `invalid` for an open `[` or a final `\`
 */
export function globPattern(pattern: string): { readonly test: (name: string) => boolean } {
  // Within a part, `**` is no more than `*`.
  const elements = parseIgnoreElements(pattern).map((one) => (one.kind === 'one' ? one : STAR));
  return { test: (name) => matchesElements(elements, name) };
}
