import type { LogErrorReason } from '#log/log-errors.ts';
import type { DockerEntries } from './docker-entry.ts';

export const LOG_ENTRIES: DockerEntries<LogErrorReason> = {
  'unknown-log-option': {
    message: ({ subject, details: { option } }) =>
      subject === 'json-file'
        ? `unknown log opt '${option}' for json-file log driver`
        : `unknown log opt '${option}' for log driver ${subject}`,
  },
  'unknown-log-mode': { message: ({ details }) => `logger: logging mode not supported: ${details['mode']}` },
  'log-buffer-without-mode': {
    message: () => "logger: max-buffer-size option is only supported with 'mode=non-blocking'",
  },
  'log-buffer-size-invalid': {
    message: ({ details }) => `error parsing option max-buffer-size: invalid size: '${details['size']}'`,
  },
  'log-option-invalid': {
    message: ({ details }) => `failed to initialize logging driver: ${details['problem']}`,
  },
  'log-not-readable': { message: () => 'configured logging driver does not support reading' },
  'log-being-written': 'plain',
  'log-disk-full': 'plain',
  'log-append-failed': 'plain',
};
