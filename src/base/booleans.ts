/** Booleans in query strings, as the daemon reads them: whatever is not on this list is true. */
const LOOSE_FALSE = new Set(['', '0', 'no', 'false', 'none']);

/** An absent parameter takes `fallback`; case and surrounding space do not matter (docker-py sends `False`). */
export function parseBoolean(value: string | null | undefined, fallback = false): boolean {
  if (value === null || value === undefined) return fallback;
  return !LOOSE_FALSE.has(value.trim().toLowerCase());
}

const TRUE = new Set(['1', 't', 'T', 'true', 'TRUE', 'True']);
const FALSE = new Set(['0', 'f', 'F', 'false', 'FALSE', 'False']);

/** Go's strconv.ParseBool; undefined for another text. */
export function parseGoBoolean(text: string): boolean | undefined {
  if (TRUE.has(text)) return true;
  return FALSE.has(text) ? false : undefined;
}
