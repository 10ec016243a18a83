import { defineErrors, errorTable } from '#base/error-table.ts';

/** The errors of layers, snapshots and archives. The subject is a digest, the id of a snapshot, or a path. */
const LAYER_ERRORS = errorTable({
  'no-such-layer': ['not-found', ({ subject }) => `Cannot use layer ${subject}: there is no such layer`],
  'layer-blob-gone': [
    'not-found',
    ({ subject, details }) => `Cannot read layer ${subject}: its blob ${details['blob']} is gone`,
  ],
  'layer-blob-missing': [
    'not-found',
    ({ subject, details }) => `Cannot unpack layer ${subject}: there is no blob ${details['blob']}`,
  ],
  'layer-damaged': [
    'unavailable',
    ({ subject, details: { damage } }) =>
      `Cannot use layer ${subject}: ${damage}; system repair makes it again from its blob`,
  ],
  'layer-not-restorable': [
    'unavailable',
    ({ subject, details: { blob, problem } }) =>
      `Cannot restore layer ${subject}: its blob ${blob} is ${problem}; pull, load or build its image again`,
  ],
  'layer-in-use': ['conflict', ({ subject }) => `Cannot remove layer ${subject}: it is in use`],
  'layer-content-differs': [
    'invalid',
    ({ subject, details }) => `Cannot unpack layer ${subject}: its content is ${details['actual']}`,
  ],
  'unpacked-layer-too-large': [
    'invalid',
    ({ details }) => `Cannot unpack layer: it is larger than ${details['maximumBytes']} bytes`,
  ],
  'layer-entry-refused': [
    'invalid',
    ({ subject, details }) => `Cannot unpack ${JSON.stringify(subject)}: ${details['problem']}`,
  ],
  'layer-not-indexed': ['internal', ({ details }) => `Cannot index layer: ${details['problem']}`],
  'layer-not-compressed': ['internal', ({ details }) => `Cannot compress layer: ${details['problem']}`],
  /** Another side gave up, which has the cause. */
  'layer-work-given-up': ['aborted', ({ details }) => `Cannot ${details['action']}: ${details['problem']}`],

  'tar-damaged': ['invalid', ({ details }) => `Cannot read tar archive: ${details['problem']}`],
  'archive-data-damaged': [
    'invalid',
    ({ details }) => `Cannot unpack archive: its ${details['format']} data is damaged`,
  ],
  'decompressor-missing': [
    'unavailable',
    ({ details: { format } }) =>
      `Cannot unpack archive: it is compressed with ${format}, and the program ${format} is not installed`,
  ],
  'archive-target-no-directory': ['invalid', () => 'Cannot extract archive: its target is no directory'],
  'root-read-only': [
    'invalid',
    ({ subject }) => `Cannot write into ${subject}: the container’s root is read-only`,
  ],
  'mount-read-only': ['invalid', ({ subject }) => `Cannot write into ${subject}: it is mounted read-only`],
  'archive-entry-impossible': [
    'invalid',
    ({ subject, details }) => `Cannot extract ${JSON.stringify(subject)}: ${details['problem']}`,
  ],
  'archive-name-escapes': [
    'invalid',
    ({ subject }) => `Cannot extract ${JSON.stringify(subject)}: its name leads out of the directory`,
  ],
  'archive-entry-of-other-kind': [
    'invalid',
    ({ subject, details: { present, wanted } }) =>
      `Cannot extract ${JSON.stringify(subject)}: it is a ${wanted}, and there is a ${present} in its place`,
  ],
  'no-such-path': ['not-found', ({ subject, details }) => `Cannot find ${subject}: ${details['problem']}`],
  'path-unusable': ['invalid', ({ subject, details }) => `Cannot find ${subject}: ${details['problem']}`],

  'snapshot-id-invalid': ['invalid', ({ subject }) => `Cannot create snapshot ${subject}: not an id`],
  'snapshot-exists': ['conflict', ({ subject }) => `Cannot create snapshot ${subject}: it exists`],
  'no-such-snapshot': [
    'not-found',
    ({ subject }) => `Cannot use snapshot ${subject}: there is no such snapshot`,
  ],
  'snapshot-damaged': [
    'unavailable',
    ({ subject, details }) => `Cannot use snapshot ${subject}: ${details['damage']}`,
  ],
  'snapshots-on-overlay': [
    'unavailable',
    ({ subject, details: { directory } }) =>
      `Cannot mount snapshot ${subject}: ${directory} is on an overlay, which cannot carry another; keep the engine’s root on a volume (-v NAME:/var/lib/caisson)`,
  ],
  'snapshot-lost': [
    'unavailable',
    ({ subject }) => `Cannot mount snapshot ${subject}: it is volatile and the machine has restarted`,
  ],
});

export type LayerErrorReason = keyof typeof LAYER_ERRORS;

export const layerError = defineErrors(LAYER_ERRORS);
