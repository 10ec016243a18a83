/**
 * The header `Retry-After`: seconds, or a date (RFC 9110, 10.2.3). Milliseconds from now; undefined if it is neither.
 */
export function parseRetryAfter(header: string | undefined): number | undefined {
  if (header === undefined) return undefined;
  if (/^\s*\d+\s*$/.test(header)) return Number(header) * 1000;
  const date = Date.parse(header);
  return Number.isNaN(date) ? undefined : Math.max(0, date - Date.now());
}
