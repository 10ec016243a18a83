const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const WEEK = 7 * DAY;
/** Month and year as Docker's clients count them: 30 and 365 days. */
const MONTH = 30 * DAY;
const YEAR = 365 * DAY;

/** A duration roughly, for people: `About a minute`, `3 hours`, in the words and with the limits of go-units. */
export function humanDuration(durationMs: number): string {
  if (durationMs < SECOND) return 'Less than a second';
  if (durationMs < 2 * SECOND) return '1 second';
  if (durationMs < MINUTE) return `${Math.floor(durationMs / SECOND)} seconds`;
  if (durationMs < 2 * MINUTE) return 'About a minute';
  if (durationMs < HOUR) return `${Math.floor(durationMs / MINUTE)} minutes`;
  const hours = Math.round(durationMs / HOUR);
  if (hours === 1) return 'About an hour';
  if (hours < 48) return `${hours} hours`;
  if (hours * HOUR < 2 * WEEK) return `${Math.floor((hours * HOUR) / DAY)} days`;
  if (hours * HOUR < 2 * MONTH) return `${Math.floor((hours * HOUR) / WEEK)} weeks`;
  if (hours * HOUR < 2 * YEAR) return `${Math.floor((hours * HOUR) / MONTH)} months`;
  return `${Math.floor(durationMs / YEAR)} years`;
}
