/** Go's `time.Duration` texts: `1h30m0s`, `1.5s`, `300ms`. */
import { EngineError } from './errors.ts';

const UNITS_NS = new Map<string, bigint>([
  ['ns', 1n],
  ['us', 1_000n],
  ['µs', 1_000n],
  ['μs', 1_000n],
  ['ms', 1_000_000n],
  ['s', 1_000_000_000n],
  ['m', 60_000_000_000n],
  ['h', 3_600_000_000_000n],
]);

const TERM = /(\d*)(?:\.(\d*))?(ns|us|µs|μs|ms|s|m|h)/y;

/** Nanoseconds, or undefined if it is no duration. */
export function tryParseDuration(text: string): bigint | undefined {
  const negative = text.startsWith('-');
  const body = /^[+-]/.test(text) ? text.slice(1) : text;
  if (body === '0') return 0n;
  let total = 0n;
  let offset = 0;
  while (offset < body.length) {
    TERM.lastIndex = offset;
    const match = TERM.exec(body);
    if (match === null || (match[1] === '' && !match[2])) return undefined;
    total += termNs(match[1] ?? '', match[2] ?? '', UNITS_NS.get(match[3] ?? '') ?? 0n);
    offset = TERM.lastIndex;
  }
  if (offset === 0) return undefined;
  return negative ? -total : total;
}

/** Nanoseconds. @throws {EngineError} `invalid`, with Go's text */
export function parseDuration(text: string): bigint {
  const duration = tryParseDuration(text);
  if (duration !== undefined) return duration;
  throw new EngineError('invalid', `time: invalid duration ${JSON.stringify(text)}`);
}

/** Formats a duration as Go does: the largest unit first, no leading zero units. */
export function formatDuration(durationNs: bigint): string {
  if (durationNs < 0n) return `-${formatDuration(-durationNs)}`;
  if (durationNs === 0n) return '0s';
  if (durationNs < 1_000n) return `${durationNs}ns`;
  if (durationNs < 1_000_000n) return `${decimal(durationNs, 1_000n)}µs`;
  if (durationNs < 1_000_000_000n) return `${decimal(durationNs, 1_000_000n)}ms`;
  const minutes = durationNs / 60_000_000_000n;
  const seconds = `${decimal(durationNs % 60_000_000_000n, 1_000_000_000n)}s`;
  if (minutes === 0n) return seconds;
  const hours = minutes / 60n;
  return hours === 0n ? `${minutes}m${seconds}` : `${hours}h${minutes % 60n}m${seconds}`;
}

function termNs(whole: string, fraction: string, unitNs: bigint): bigint {
  const wholeNs = BigInt(whole || '0') * unitNs;
  if (fraction === '') return wholeNs;
  return wholeNs + (BigInt(fraction) * unitNs) / 10n ** BigInt(fraction.length);
}

function decimal(value: bigint, unit: bigint): string {
  const fraction = (value % unit)
    .toString()
    .padStart(unit.toString().length - 1, '0')
    .replace(/0+$/, '');
  return fraction === '' ? `${value / unit}` : `${value / unit}.${fraction}`;
}
