/** Go's zero time, which stands on the wire for "never". */
export const NEVER = '0001-01-01T00:00:00Z';

let last = 0n;

/** Nanoseconds since the epoch with the resolution of `performance.now`; strictly increasing within the process. */
export function nowNs(): bigint {
  const now = BigInt(Math.round((performance.timeOrigin + performance.now()) * 1000)) * 1000n;
  last = now > last ? now : last + 1n;
  return last;
}

/** RFC 3339 with up to nine digits of the second, trailing zeros left out, as Go writes it. */
export function formatTime(ns: bigint): string {
  const seconds = ns / 1_000_000_000n;
  const fraction = (ns % 1_000_000_000n).toString().padStart(9, '0').replace(/0+$/, '');
  const base = new Date(Number(seconds) * 1000).toISOString().slice(0, 19);
  return fraction === '' ? `${base}Z` : `${base}.${fraction}Z`;
}

/** The present time as {@link formatTime} writes it. */
export function now(): string {
  return formatTime(nowNs());
}

/** Milliseconds between two times of {@link formatTime}; digits below the millisecond are ignored. */
export function elapsedMs(from: string, to: string): number {
  return Date.parse(to) - Date.parse(from);
}
