import { defineErrors, errorTable } from '#base/error-table.ts';

/**
 * The errors of files that do not answer. The subject is what the caller wanted to do (`read /etc/passwd`); details:
 * `place` (whose files they are), `seconds`, `advice`.
 */
const FILE_SERVICE_ERRORS = errorTable({
  'files-hang': [
    'unavailable',
    ({ subject, details }) =>
      `Cannot ${subject}: ${details['place']} has not answered for ${details['seconds']} s; ${details['advice']}`,
  ],
  'too-many-files-hang': [
    'unavailable',
    ({ subject, details }) =>
      `Cannot ${subject}: ${details['threads']} file operations of the engine wait for file systems that do not ` +
      'answer, and it begins no more of them; unmount those file systems, or stop the containers that have them',
  ],
});

export type FileServiceErrorReason = keyof typeof FILE_SERVICE_ERRORS;

export const fileServiceError = defineErrors(FILE_SERVICE_ERRORS);
