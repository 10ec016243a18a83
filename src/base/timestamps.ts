/** Instants as the Engine API writes and reads them. Inside the engine they are nanoseconds since the epoch. */
import { EngineError } from './errors.ts';
import { tryParseDuration } from './durations.ts';

const SECOND_NS = 1_000_000_000n;

/** Go's zero time, which stands for "never". */
export const ZERO_TIME = '0001-01-01T00:00:00Z';

/** Go's RFC3339Nano in UTC: no trailing zeros in the fraction. */
export function formatTimestamp(timeNs: bigint): string {
  const fraction = nanoseconds(timeNs).replace(/0+$/, '');
  return `${formatSeconds(timeNs)}${fraction === '' ? '' : `.${fraction}`}Z`;
}

/** Formats a timestamp with all nine digits, as it stands in front of log lines. */
export function formatFixedTimestamp(timeNs: bigint): string {
  return `${formatSeconds(timeNs)}.${nanoseconds(timeNs)}Z`;
}

/** Milliseconds since the epoch (`Date.now()`) as {@link formatTimestamp} writes them. */
export function formatDate(milliseconds: number): string {
  return formatTimestamp(BigInt(milliseconds) * 1_000_000n);
}

/** `1700000000` or `1700000000.000000001`, what the API's `since` and `until` take. */
export function formatUnixTimestamp(timeNs: bigint): string {
  return `${floorDivide(timeNs, SECOND_NS)}.${nanoseconds(timeNs)}`;
}

/**
 * A `since` or `until` of the API: seconds since the epoch, with a fraction or not.
 *
 * @returns undefined for absent, empty and `0`
 * @throws {EngineError} `invalid`
 */
export function parseUnixTimestamp(text: string | null | undefined): bigint | undefined {
  if (!text) return undefined;
  const timeNs = tryParseUnix(text) ?? tryParseCalendar(text);
  if (timeNs === undefined) {
    throw new EngineError('invalid', `strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
  }
  return timeNs === 0n ? undefined : timeNs;
}

/**
 * What a person or a filter gives: a duration before now (`10m`), RFC 3339 in full or in part (local time where no
 * zone is named), or seconds since the epoch.
 *
 * @throws {EngineError} `invalid`
 */
export function resolveTimestamp(text: string, nowNs: bigint = BigInt(Date.now()) * 1_000_000n): bigint {
  const duration = tryParseDuration(text);
  if (duration !== undefined && text !== '0') return nowNs - duration;
  const timeNs = tryParseCalendar(text) ?? tryParseUnix(text);
  if (timeNs !== undefined) return timeNs;
  throw new EngineError('invalid', `failed to parse value as time or duration: ${JSON.stringify(text)}`);
}

const CALENDAR =
  /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2})(?::(\d{2}))?(?::(\d{2})(?:\.(\d{1,9})\d*)?)?)?(Z|[+-]\d{2}:\d{2})?$/;

function tryParseCalendar(text: string): bigint | undefined {
  const match = CALENDAR.exec(text);
  if (match === null) return undefined;
  const [, date, hour = '00', minute = '00', second = '00', fraction = '', zone = ''] = match;
  const milliseconds = Date.parse(`${date}T${hour}:${minute}:${second}${zone}`);
  if (Number.isNaN(milliseconds)) return undefined;
  return BigInt(milliseconds) * 1_000_000n + BigInt(fraction.padEnd(9, '0'));
}

function tryParseUnix(text: string): bigint | undefined {
  const match = /^(-?\d+)(?:\.(\d{1,9})\d*)?$/.exec(text);
  if (match === null) return undefined;
  if (BigInt.asIntN(64, BigInt(match[1] ?? '0')) !== BigInt(match[1] ?? '0')) {
    throw new EngineError(
      'invalid',
      `strconv.ParseInt: parsing ${JSON.stringify(match[1])}: value out of range`,
    );
  }
  return BigInt(match[1] ?? '0') * SECOND_NS + BigInt((match[2] ?? '').padEnd(9, '0'));
}

let cachedSecond = -1n;
let cachedText = '';

/** `2026-11-24T06:35:51`; the last second is remembered, since log lines come in order. */
function formatSeconds(timeNs: bigint): string {
  const second = floorDivide(timeNs, SECOND_NS);
  if (second !== cachedSecond) {
    cachedText = new Date(Number(second) * 1000).toISOString().slice(0, -5);
    cachedSecond = second;
  }
  return cachedText;
}

function nanoseconds(timeNs: bigint): string {
  return (timeNs - floorDivide(timeNs, SECOND_NS) * SECOND_NS).toString().padStart(9, '0');
}

function floorDivide(value: bigint, divisor: bigint): bigint {
  const quotient = value / divisor;
  return value % divisor < 0n ? quotient - 1n : quotient;
}
