import { defineErrors, errorTable } from '#base/error-table.ts';

/** The errors of volumes. The subject is the name of a volume. */
const VOLUME_ERRORS = errorTable({
  'no-such-volume': ['not-found', ({ subject }) => `Cannot find volume ${subject}: there is none`],
  'volume-name-short': [
    'invalid',
    ({ subject }) =>
      `Cannot create volume ${JSON.stringify(subject)}: its name needs two characters at least`,
  ],
  'volume-name-long': [
    'invalid',
    ({ subject }) => `Cannot create volume ${subject}: its name has more than 255 characters`,
  ],
  'volume-name-invalid': [
    'invalid',
    ({ subject }) =>
      `Cannot create volume ${JSON.stringify(subject)}: its name may have letters, digits, "_", "." and "-" only, ` +
      'and begins with a letter or a digit; a directory of this machine is given by its absolute path',
  ],
  'no-such-volume-driver': [
    'not-found',
    ({ subject, details }) =>
      `Cannot create volume ${subject}: there is no driver ${JSON.stringify(details['driver'])}`,
  ],
  'unknown-volume-option': [
    'invalid',
    ({ subject, details }) =>
      `Cannot create volume ${subject}: the driver knows no option ${JSON.stringify(details['option'])}`,
  ],
  'volume-in-use': [
    'conflict',
    ({ subject, details }) =>
      `Cannot remove volume ${subject}: containers use it (${details['containers']}); remove them first`,
  ],
  'volume-lost': [
    'unavailable',
    ({ subject, details: { path } }) =>
      `Cannot use volume ${subject}: its directory ${path} is missing; mount the file system that it is on, ` +
      `restore the directory from a backup, or begin with an empty one by mkdir -p ${path}`,
  ],
  'volume-over-file': [
    'invalid',
    ({ subject, details }) =>
      `Cannot mount volume ${subject}: the image has a file at ${details['path']}, where a directory is needed`,
  ],
});

export type VolumeErrorReason = keyof typeof VOLUME_ERRORS;

export const volumeError = defineErrors(VOLUME_ERRORS);
