import { defineErrors, errorTable } from '#base/error-table.ts';

/** The errors of logs. The subject is a driver, or the path of a log. */
const LOG_ERRORS = errorTable({
  'unknown-log-option': [
    'invalid',
    ({ subject, details }) =>
      `Cannot use log driver ${subject}: it knows no option ${JSON.stringify(details['option'])}`,
  ],
  'unknown-log-mode': [
    'invalid',
    ({ subject, details }) =>
      `Cannot use log driver ${subject}: it has no mode ${JSON.stringify(details['mode'])}`,
  ],
  'log-buffer-without-mode': [
    'invalid',
    () => 'Cannot use log option max-buffer-size: it belongs to mode=non-blocking',
  ],
  'log-buffer-size-invalid': [
    'invalid',
    ({ details }) => `Cannot use log option max-buffer-size: ${details['size']} is no size such as 4m`,
  ],
  'log-option-invalid': ['invalid', ({ details }) => `Cannot use log options: ${details['problem']}`],
  'log-not-readable': [
    'not-implemented',
    ({ subject }) => `Cannot read log: driver ${subject} keeps nothing`,
  ],
  'log-being-written': ['conflict', ({ subject }) => `Cannot remove log ${subject}: it is being written`],
  'log-disk-full': ['exhausted', ({ subject }) => `Cannot append to log ${subject}: no space left on device`],
  'log-append-failed': [
    'internal',
    ({ subject, details }) => `Cannot append to log ${subject}: ${details['problem']}`,
  ],
});

export type LogErrorReason = keyof typeof LOG_ERRORS;

export const logError = defineErrors(LOG_ERRORS);
