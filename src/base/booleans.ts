/** Booleans in query strings, as the daemon reads them: whatever is not on this list is true. */
const FALSE = new Set(['', '0', 'no', 'false', 'none']);

/** An absent parameter takes `fallback`; case and surrounding space do not matter (docker-py sends `False`). */
export function parseBoolean(value: string | null | undefined, fallback = false): boolean {
  if (value === null || value === undefined) return fallback;
  return !FALSE.has(value.trim().toLowerCase());
}
