/** Wildcards as Go's filepath.Match has them: `*` and `?` stay within a path's part, `[a-z]`, `[^a-z]`, `\x`. */

const SPECIAL = /[*?[\\]/;

export function hasWildcards(text: string): boolean {
  return SPECIAL.test(text);
}

/** A path as a pattern that matches it alone. */
export function escapeWildcards(path: string): string {
  return path.replaceAll(/[\\*?[]/g, String.raw`\$&`);
}

/** For one part of a path. A pattern that ends in the middle of a class or escape matches nothing. */
export function globPattern(pattern: string): RegExp {
  const source = pattern.replaceAll(
    /\\(.)|\[(\^?)((?:\\.|[^\]\\])+)\]|([*?])|([\^$+.(){}|[\]\\/])/gs,
    (_, escaped: string, negated: string, set: string, wildcard: string, plain: string) => {
      if (escaped !== undefined) return /\w/.test(escaped) ? escaped : `\\${escaped}`;
      if (set !== undefined) return `[${negated}${set.replaceAll(/[[\]^]/g, '\\$&')}]`;
      if (wildcard !== undefined) return wildcard === '*' ? '[^/]*' : '[^/]';
      return `\\${plain}`;
    },
  );
  return new RegExp(`^${source}$`, 's');
}
