import { defineErrors, errorTable } from '#base/error-table.ts';

/** The errors of images. The subject is what the caller named: a reference or an id. */
const IMAGE_ERRORS = errorTable({
  'no-such-image': ['not-found', ({ subject }) => `Cannot find image ${subject}: there is none`],
  'platform-not-here': [
    'not-found',
    ({ subject, details }) => `Cannot use image ${subject}: it is not here for ${details['platform']}`,
  ],
  'tag-by-digest': ['invalid', ({ subject }) => `Cannot tag image as ${subject}: a digest is no tag`],
  'tag-like-digest': ['invalid', ({ subject }) => `Cannot tag image as ${subject}: it looks like a digest`],
  'commit-by-digest': ['invalid', ({ subject }) => `Cannot commit to ${subject}: a digest is no tag`],
  'import-by-digest': ['invalid', ({ subject }) => `Cannot import as ${subject}: a digest is no tag`],
  'push-by-digest': ['invalid', ({ subject }) => `Cannot push ${subject}: a digest is no tag`],

  'last-name-in-use': [
    'conflict',
    ({ subject, details }) =>
      `Cannot remove ${subject}: it is the last name of image ${details['image']}, which container ${details['container']} uses`,
  ],
  'image-has-children': [
    'conflict',
    ({ subject }) => `Cannot remove image ${subject}: other images were made from it`,
  ],
  'image-of-running': [
    'conflict',
    ({ subject, details }) =>
      `Cannot remove image ${subject}: running container ${details['container']} uses it`,
  ],
  'image-of-stopped': [
    'conflict',
    ({ subject, details }) =>
      `Cannot remove image ${subject}: stopped container ${details['container']} uses it`,
  ],
  'image-has-names': [
    'conflict',
    ({ subject }) => `Cannot remove image ${subject}: it has names in several repositories`,
  ],

  'layer-count-differs': [
    'invalid',
    ({ details }) =>
      `Cannot use image: its configuration has ${details['expected']} layers, its manifest ${details['actual']}`,
  ],
  'layer-differs': [
    'invalid',
    ({ details }) =>
      `Cannot use image: layer ${details['index']} is ${details['actual']}, not ${details['expected']}`,
  ],
  'history-too-long': [
    'invalid',
    ({ subject }) => `Cannot show the history of image ${subject}: it tells of more layers than there are`,
  ],
  'layer-gone': [
    'conflict',
    ({ subject, details }) => `Cannot add image ${subject}: layer ${details['layer']} was removed meanwhile`,
  ],
  'layer-too-large': [
    'invalid',
    ({ details }) => `Cannot store layer: larger than ${details['maximumBytes']} bytes`,
  ],
  'record-damaged': [
    'unavailable',
    ({ subject, details: { damage } }) =>
      `Cannot use image ${subject}: its record is damaged (${damage}); remove it (rmi), and pull, load or build it again`,
  ],
  'image-too-large-to-explore': [
    'exhausted',
    ({ details }) => `Cannot explore image: it has more than ${details['maximumFiles']} files`,
  ],

  'archive-invalid': ['invalid', ({ details }) => `Cannot load image: ${details['problem']}`],
  'archive-tag-invalid': [
    'invalid',
    ({ subject }) => `Cannot load image: ${JSON.stringify(subject)} is no tag`,
  ],
  'archive-lacks-platform': [
    'not-found',
    ({ details }) => `Cannot load image: the archive has none for ${details['platforms']}`,
  ],
  'archive-for-other-os': [
    'invalid',
    ({ details }) => `Cannot load image: it is for ${details['os']}, not for linux`,
  ],

  'repository-unknown': [
    'not-found',
    ({ subject, details }) => `Cannot find repository ${subject}: ${details['answer']}`,
  ],
  'manifest-unknown': ['not-found', ({ subject, details }) => `Cannot find ${subject}: ${details['answer']}`],
  'pull-denied': [
    'not-found',
    ({ subject, details }) =>
      `Cannot pull from ${subject}: there is no such repository, or it is for others (${details['answer']})`,
  ],
  'pull-of-scratch': [
    'forbidden',
    () => 'Cannot pull scratch: the name stands for an image with nothing in it',
  ],
  'no-manifest-for-platform': [
    'not-found',
    ({ subject, details }) => `Cannot pull ${subject}: the index names no image for ${details['platform']}`,
  ],
  'pulled-for-other-platform': [
    'not-found',
    ({ subject, details }) =>
      `Cannot pull ${subject}: it is for ${details['actual']}, not for ${details['wanted']}`,
  ],
  'pulled-for-other-os': [
    'invalid',
    ({ subject, details }) => `Cannot pull ${subject}: it is for ${details['os']}, not for linux`,
  ],
  'source-unusable': ['invalid', ({ subject, details }) => `Cannot pull ${subject}: ${details['problem']}`],
  'config-damaged': [
    'invalid',
    ({ subject, details }) =>
      `Cannot pull ${subject}: its configuration is not what its digest says (${details['digest']})`,
  ],
  'pulled-layer-damaged': [
    'invalid',
    ({ details }) => `Cannot pull layer ${details['digest']}: it is not what its digest says`,
  ],
  'layer-not-as-configured': [
    'invalid',
    ({ details }) =>
      `Cannot use layer ${details['digest']}: its diff ID is ${details['actual']}, not ${details['expected']}`,
  ],
  'stored-blob-damaged': [
    'unavailable',
    ({ subject }) =>
      `Cannot save image: blob ${subject} has changed on disk. Remove the image, and pull or load it again`,
  ],
  'remote-blob-damaged': [
    'invalid',
    ({ details }) => `Cannot read blob ${details['digest']}: its content is another`,
  ],

  'repository-not-here': [
    'not-found',
    ({ subject }) => `Cannot push ${subject}: no image here has that name`,
  ],
  'tag-not-here': ['not-found', ({ subject }) => `Cannot push ${subject}: no image here has that tag`],
  'index-expected': ['invalid', ({ subject }) => `Cannot push ${subject}: not an index`],
  'index-of-other-registry': [
    'invalid',
    ({ details }) =>
      `Cannot push an index to ${details['target']}: it names an image of ${details['source']}`,
  ],

  'transfer-cancelled': ['aborted', ({ details }) => `Cannot ${details['action']} image: cancelled`],
  'blob-given-up': ['aborted', () => 'Cannot unpack layer: its blob did not come'],
});

export type ImageErrorReason = keyof typeof IMAGE_ERRORS;

export const imageError = defineErrors(IMAGE_ERRORS);
