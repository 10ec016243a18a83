import type { BuildErrorReason } from '#build/build-errors.ts';
import type { DockerEntries } from './docker-error.ts';

/** The classic builder's words. */
export const BUILD_ENTRIES: DockerEntries<BuildErrorReason> = {
  'dockerfile-missing': { message: ({ subject }) => `Cannot locate specified Dockerfile: ${subject}` },
  'dockerfile-empty': { message: ({ subject }) => `the Dockerfile (${subject}) cannot be empty` },
  'command-failed': {
    message: ({ subject, details }) =>
      `The command '${subject}' returned a non-zero code: ${details['exitCode']}`,
  },
};
