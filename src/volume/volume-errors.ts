import { defineErrors, errorTable } from '#base/error-table.ts';

/** The errors of volumes. The subject is the name of a volume. */
export const VOLUME_ERRORS = errorTable({
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
  'volume-in-use': [
    'conflict',
    ({ subject, details }) =>
      `Cannot remove volume ${subject}: containers use it (${details['containers']}); remove them first`,
  ],
});

export type VolumeErrorReason = keyof typeof VOLUME_ERRORS;

export const volumeError = defineErrors(VOLUME_ERRORS);
