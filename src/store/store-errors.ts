import { defineErrors, errorTable } from '#base/error-table.ts';

/** The errors of the content store and the metadata. The subject is a digest, a reference of an ingest, or a path. */
const STORE_ERRORS = errorTable({
  'no-such-blob': ['not-found', ({ subject }) => `Cannot read blob ${subject}: no such blob`],
  'blob-unreadable': ['internal', ({ subject }) => `Cannot read blob ${subject}`],
  'blob-too-large': [
    'invalid',
    ({ subject, details }) => `Cannot read blob ${subject}: larger than ${details['maximumBytes']} bytes`,
  ],
  'blob-no-longer-written': ['aborted', () => 'Cannot read blob: it is no longer being written'],
  'blob-rejected': [
    'invalid',
    ({ subject, details }) => `Cannot write blob ${subject}: ${details['problem']}`,
  ],
  'blob-write-refused': [
    'conflict',
    ({ subject, details }) => `Cannot write blob ${subject}: ${details['problem']}`,
  ],
  'blob-incomplete': ['internal', ({ subject }) => `Cannot write blob ${subject}: not all of it was written`],
  'blob-not-hashed': ['internal', () => 'Cannot hash blob: the worker gave no digest'],
  'store-closed': ['aborted', () => 'Cannot write blob: the store is closed'],
  'store-disk-full': ['exhausted', ({ subject }) => `Cannot write ${subject}: no space left on device`],
  'metadata-newer': [
    'conflict',
    ({ subject }) => `Cannot open metadata: ${subject} was written by a newer version`,
  ],
  'metadata-not-written': ['internal', ({ details }) => `Cannot write metadata: ${details['problem']}`],
  'metadata-lost': [
    'unavailable',
    ({ subject, details: { state, evidence, advice } }) =>
      `Cannot open metadata ${subject}: it is ${state}, but there is data that only it can tell about ` +
      `(${evidence}). Is a file system not mounted? Nothing was changed; ${advice}`,
  ],
  'metadata-damaged': [
    'unavailable',
    ({ subject, details: { problem, advice } }) =>
      `Cannot open metadata ${subject}: ${problem}. Nothing was changed; ${advice}`,
  ],
  'root-in-use': [
    'conflict',
    ({ subject, details }) => `Cannot open ${subject}: in use by ${details['holder']}`,
  ],
  'run-in-use': [
    'conflict',
    ({ subject, details: { holder, root } }) =>
      `Cannot use run directory ${subject}: in use by ${holder}, whose root is ${root}; ` +
      'give this engine a run directory of its own with --run',
  ],
  /** Its engine does not run at the moment. */
  'run-of-other-root': [
    'conflict',
    ({ subject, details: { root, ownerPath } }) =>
      `Cannot use run directory ${subject}: containers of the engine on root ${root} run on in it; ` +
      `give this engine a run directory of its own with --run, or, if that root is this one under its former name, ` +
      `delete ${ownerPath}`,
  ],
});

export type StoreErrorReason = keyof typeof STORE_ERRORS;

export const storeError = defineErrors(STORE_ERRORS);
