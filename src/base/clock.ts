import { ZERO_TIME, formatTimestamp } from './timestamps.ts';

/** What stands for "never". */
export const NEVER = ZERO_TIME;

/** What the two clocks may differ before the wall clock is looked at again, in milliseconds. */
const TOLERANCE_MS = 2;
const SECOND_NS = 1_000_000_000n;

let offsetMs = performance.timeOrigin;
let last = 0n;

/**
 * Nanoseconds since the epoch, in microseconds' resolution: every call gives a later time than the one before, unless
 * the wall clock was set back by more than a second.
 */
export function nowNs(): bigint {
  const monotonic = performance.now();
  const wall = Date.now();
  if (Math.abs(offsetMs + monotonic - wall) > TOLERANCE_MS) offsetMs = wall - monotonic;
  const now = BigInt(Math.round((offsetMs + monotonic) * 1000)) * 1000n;
  last = now > last || last - now > SECOND_NS ? now : last + 1n;
  return last;
}

/** The present time in RFC 3339, as Go writes it. */
export function now(): string {
  return formatTimestamp(nowNs());
}

/** Milliseconds between two times in RFC 3339; digits below the millisecond are ignored. */
export function elapsedMs(from: string, to: string): number {
  return Date.parse(to) - Date.parse(from);
}
