const NANOSECONDS = 1_000_000_000n;

/** The second that was formatted last: records come in bursts. */
let cachedSecond = -1n;
let cachedText = '';

/** RFC 3339 in UTC with as many digits as needed, as Go writes it: `2026-11-24T08:59:19.48647763Z`. */
export function formatTimestamp(timeNs: bigint): string {
  const second = timeNs / NANOSECONDS;
  if (second !== cachedSecond) {
    cachedText = new Date(Number(second) * 1000).toISOString().slice(0, 19);
    cachedSecond = second;
  }
  const nanoseconds = Number(timeNs % NANOSECONDS);
  if (nanoseconds === 0) return `${cachedText}Z`;
  return `${cachedText}.${String(nanoseconds).padStart(9, '0').replace(/0+$/, '')}Z`;
}

const PATTERN = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/;

/** Nanoseconds since the epoch; undefined if it is no RFC 3339 time. */
export function parseTimestamp(text: string): bigint | undefined {
  const [, seconds, fraction = '', zone = 'Z'] = PATTERN.exec(text) ?? [];
  if (seconds === undefined) return undefined;
  const milliseconds = Date.parse(`${seconds}${zone}`);
  if (Number.isNaN(milliseconds)) return undefined;
  return BigInt(milliseconds) * 1_000_000n + BigInt(fraction.padEnd(9, '0'));
}
