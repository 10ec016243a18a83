import type { VolumeErrorReason } from '#volume/volume-errors.ts';
import type { DockerEntries } from './docker-entry.ts';

export const VOLUME_ENTRIES: DockerEntries<VolumeErrorReason> = {
  'no-such-volume': { message: ({ subject }) => `get ${subject}: no such volume` },
  'volume-name-short': {
    message: ({ subject }) =>
      `create ${subject}: volume name is too short, names should be at least two alphanumeric characters`,
  },
  'volume-name-long': { message: ({ subject }) => `create ${subject}: volume name is too long` },
  'volume-name-invalid': {
    message: ({ subject }) =>
      `create ${subject}: ${JSON.stringify(subject)} includes invalid characters for a local volume name, ` +
      'only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. If you intended to pass a host directory, use absolute path',
  },
  'no-such-volume-driver': {
    message: ({ subject, details: { driver } }) =>
      `create ${subject}: error looking up volume plugin ${driver}: plugin "${driver}" not found`,
  },
  'unknown-volume-option': {
    message: ({ subject, details }) =>
      `create ${subject}: invalid option: ${JSON.stringify(details['option'])}`,
  },
  'volume-over-file': {
    message: ({ details }) => `cannot mount volume over existing file, file exists ${details['path']}`,
  },
  'volume-lost': 'plain',
  'volume-in-use': {
    message: ({ subject, details }) => `remove ${subject}: volume is in use - [${details['containers']}]`,
  },
};
