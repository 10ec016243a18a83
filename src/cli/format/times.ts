/** Times for people and from people, as Docker's clients write and read them. */
const SECONDS = { minute: 60, hour: 3600, day: 86_400 };

/** `About a minute`, `3 hours`: how long, to the nearest unit (go-units' HumanDuration). */
export function humanDuration(milliseconds: number): string {
  const seconds = Math.trunc(milliseconds / 1000);
  if (seconds < 1) return 'Less than a second';
  if (seconds === 1) return '1 second';
  if (seconds < 60) return `${seconds} seconds`;
  const minutes = Math.trunc(seconds / SECONDS.minute);
  if (minutes === 1) return 'About a minute';
  if (minutes < 60) return `${minutes} minutes`;
  const hours = Math.trunc(milliseconds / 3_600_000 + 0.5);
  if (hours === 1) return 'About an hour';
  if (hours < 48) return `${hours} hours`;
  if (hours < 24 * 7 * 2) return `${Math.trunc(hours / 24)} days`;
  if (hours < 24 * 30 * 2) return `${Math.trunc(hours / 24 / 7)} weeks`;
  if (hours < 24 * 365 * 2) return `${Math.trunc(hours / 24 / 30)} months`;
  return `${Math.trunc(milliseconds / 3_600_000 / 24 / 365)} years`;
}

/** `3 hours ago`. */
export function ago(epochSeconds: number, now = Date.now()): string {
  return `${humanDuration(now - epochSeconds * 1000)} ago`;
}

const two = (number: number): string => String(number).padStart(2, '0');

/** `2026-11-24 08:41:57 +0000 UTC`, in the local zone: Go's time.String. */
export function goTime(epochSeconds: number): string {
  const date = new Date(epochSeconds * 1000);
  return `${localDate(date)} ${localClock(date)} ${zoneOffset(date, '')} ${zoneName(date)}`;
}

/** `2026-11-24T08:41:57Z` or with the local zone's offset, with the nanoseconds where there are any. */
export function rfc3339(epochNanoseconds: bigint, digits: 'exact' | 'trimmed' | 'seconds' = 'exact'): string {
  const date = new Date(Number(epochNanoseconds / 1_000_000n));
  const nanoseconds = String(epochNanoseconds % 1_000_000_000n).padStart(9, '0');
  const fraction = digits === 'exact' ? nanoseconds : nanoseconds.replace(/0+$/, '');
  const shown = digits === 'seconds' || fraction === '' ? '' : `.${fraction}`;
  const offset = zoneOffset(date, ':');
  return `${localDate(date)}T${localClock(date)}${shown}${offset === '+00:00' ? 'Z' : offset}`;
}

function localDate(date: Date): string {
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

function localClock(date: Date): string {
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

function zoneOffset(date: Date, separator: string): string {
  const minutes = -date.getTimezoneOffset();
  const absolute = Math.abs(minutes);
  return `${minutes < 0 ? '-' : '+'}${two(Math.trunc(absolute / 60))}${separator}${two(absolute % 60)}`;
}

function zoneName(date: Date): string {
  if (date.getTimezoneOffset() === 0) return 'UTC';
  const parts = new Intl.DateTimeFormat('en', { timeZoneName: 'short' }).formatToParts(date);
  const name = parts.find(({ type }) => type === 'timeZoneName')?.value ?? '';
  return /^[A-Z]+$/.test(name) ? name : zoneOffset(date, '');
}

/** An RFC 3339 instant as {@link goTime} writes it, with its nanoseconds, in the zone it is written in. */
export function goTimestamp(text: string): string {
  const match = /^(\d{4}-\d{2}-\d{2})T(\d{2}:\d{2}:\d{2})(\.\d+)?(Z|[+-]\d{2}:\d{2})$/.exec(text);
  if (!match) return text;
  const [, date, clock, fraction = '', zone = ''] = match;
  const offset = zone === 'Z' ? '+0000' : zone.replace(':', '');
  return `${date} ${clock}${fraction.replace(/\.?0+$/, '')} ${offset} ${offset === '+0000' ? 'UTC' : offset}`;
}
