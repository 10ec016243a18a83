import type { LayerErrorReason } from '#layer/layer-errors.ts';
import type { DockerEntries } from './docker-entry.ts';

export const LAYER_ENTRIES: DockerEntries<LayerErrorReason> = {
  'no-such-layer': 'plain',
  'layer-blob-gone': 'plain',
  'layer-blob-missing': 'plain',
  'layer-damaged': 'plain',
  'layer-not-restorable': 'plain',
  'layer-in-use': 'plain',
  'layer-content-differs': 'plain',
  'unpacked-layer-too-large': 'plain',
  'layer-entry-refused': 'plain',
  'layer-not-indexed': 'plain',
  'layer-not-compressed': 'plain',
  'layer-work-given-up': 'plain',
  'tar-damaged': 'plain',
  'archive-data-damaged': 'plain',
  'decompressor-missing': 'plain',
  'archive-target-no-directory': { message: () => 'extraction point is not a directory' },
  'root-read-only': { message: () => 'container rootfs is marked read-only' },
  'mount-read-only': { message: () => 'mounted volume is marked read-only' },
  'archive-entry-impossible': {
    message: ({ subject, details: { call, problem } }) => `${call} ${subject}: ${problem}`,
  },
  'archive-name-escapes': 'plain',
  'archive-entry-of-other-kind': {
    message: ({ details: { present, wanted, path, destination } }) =>
      `cannot overwrite ${present} ${JSON.stringify(path)} with ${wanted} ${JSON.stringify(destination)}`,
  },
  'no-such-path': 'plain',
  'path-unusable': 'plain',
  'snapshot-id-invalid': 'plain',
  'snapshot-exists': 'plain',
  'no-such-snapshot': 'plain',
  'snapshot-damaged': 'plain',
  'snapshots-on-overlay': 'plain',
  'snapshot-lost': 'plain',
};
