import { defineErrors, errorTable } from '#base/error-table.ts';

export const BUILD_ERRORS = errorTable({
  'dockerfile-missing': ['invalid', ({ subject }) => `Cannot read Dockerfile ${subject}: there is none`],
  'dockerfile-empty': ['invalid', ({ subject }) => `Cannot read Dockerfile ${subject}: it is empty`],
  'command-failed': [
    'invalid',
    ({ subject, details }) => `Cannot run ${subject}: it ended with exit code ${details['exitCode']}`,
  ],
  'context-file-missing': [
    'invalid',
    ({ subject }) =>
      `Cannot copy ${subject}: it is not in the build context, or its ignore file leaves it out`,
  ],
  'copied-file-missing': ['invalid', ({ subject }) => `Cannot copy ${subject}: it is not there`],
  'source-denied': [
    'forbidden',
    ({ subject }) => `Cannot use source ${subject}: the source policy of the build denies it`,
  ],
  'source-conversion-unsupported': [
    'not-implemented',
    ({ subject, details }) =>
      `Cannot use source ${subject}: the source policy of the build converts it to ${details['to']}: not supported`,
  ],
});

export type BuildErrorReason = keyof typeof BUILD_ERRORS;

export const buildError = defineErrors(BUILD_ERRORS);
