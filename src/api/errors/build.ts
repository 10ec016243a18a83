import { posix } from 'node:path';
import type { EngineError } from '#base/errors.ts';
import type { BuildErrorReason } from '#build/build-errors.ts';
import type { DockerEntries } from './docker-entry.ts';

/** BuildKit's words for a file that is to be copied. */
export function missingFile({ subject = '' }: EngineError): string {
  return `failed to calculate checksum: ${JSON.stringify(posix.join('/', subject))}: not found`;
}

/** Images and other sources are judged at different places of BuildKit, which say so. */
export function deniedSource({ subject = '' }: EngineError): string {
  const place = /^(?:docker-image|oci-layout):/.test(subject)
    ? 'could not resolve image due to policy'
    : 'failed to load LLB: error evaluating the source policy';
  return `${place}: source ${JSON.stringify(subject)} denied by policy: source denied by policy`;
}

/** The classic builder's words. */
export const BUILD_ENTRIES: DockerEntries<BuildErrorReason> = {
  'dockerfile-missing': { message: ({ subject }) => `Cannot locate specified Dockerfile: ${subject}` },
  'dockerfile-empty': { message: ({ subject }) => `the Dockerfile (${subject}) cannot be empty` },
  'context-file-missing': {
    message: ({ subject }) =>
      `COPY failed: file not found in build context or excluded by .dockerignore: stat ${subject}: file does not exist`,
  },
  'copied-file-missing': { message: missingFile },
  'source-denied': { message: deniedSource },
  'source-conversion-unsupported': 'plain',
  'command-failed': {
    message: ({ subject, details }) =>
      `The command '${subject}' returned a non-zero code: ${details['exitCode']}`,
  },
};
