import type { ImageErrorReason } from '#image/image-errors.ts';
import type { DockerEntries } from './docker-entry.ts';

type Details = Readonly<Record<string, string | number>>;

/** @param force whether `--force` would help */
function conflict(force: 'cannot be forced' | 'must be forced', why: (details: Details) => string) {
  return {
    message: ({ subject, details }: { readonly subject: string | undefined; readonly details: Details }) =>
      `conflict: unable to delete ${subject} (${force}) - ${why(details)}`,
  };
}

export const IMAGE_ENTRIES: DockerEntries<ImageErrorReason> = {
  'no-such-image': { message: ({ subject }) => `No such image: ${subject}` },
  'platform-not-here': {
    message: ({ subject, details }) =>
      `image with reference ${subject} was found but does not provide the specified platform (${details['platform']})`,
  },
  'tag-by-digest': { message: () => 'refusing to create a tag with a digest reference' },
  'tag-like-digest': {
    message: () => 'refusing to create an ambiguous tag using digest algorithm as name',
  },
  'commit-by-digest': { message: () => 'cannot commit to digest reference' },
  'import-by-digest': { message: () => 'cannot import digest reference' },
  'push-by-digest': { message: () => 'cannot push a digest reference' },

  'last-name-in-use': {
    message: ({ subject, details: { container, image } }) =>
      `conflict: unable to remove repository reference "${subject}" (must force) - container ${container} is using its referenced image ${image}`,
  },
  'image-has-children': conflict('cannot be forced', () => 'image has dependent child images'),
  'image-of-running': conflict(
    'cannot be forced',
    ({ container }) => `image is being used by running container ${container}`,
  ),
  'image-of-stopped': conflict(
    'must be forced',
    ({ container }) => `image is being used by stopped container ${container}`,
  ),
  'image-has-names': conflict('must be forced', () => 'image is referenced in multiple repositories'),

  'layer-count-differs': {
    message: ({ details: { expected, actual } }) =>
      `invalid manifest, layers length mismatch: expected ${expected}, got ${actual}`,
  },
  'layer-differs': {
    message: ({ details: { index, expected, actual } }) =>
      `invalid diffID for layer ${index}: expected "${expected}", got "${actual}"`,
  },
  'history-too-long': { message: () => 'too many non-empty layers in History section' },
  'layer-gone': 'plain',
  'layer-too-large': 'plain',
  'record-damaged': 'plain',
  'image-too-large-to-explore': 'plain',

  'archive-invalid': 'plain',
  'archive-tag-invalid': { message: ({ subject }) => `invalid tag ${JSON.stringify(subject)}` },
  'archive-lacks-platform': 'plain',
  'archive-for-other-os': { message: ({ details }) => `cannot load ${details['os']} image on linux` },

  'repository-unknown': {
    message: ({ subject, details }) => `repository ${subject} not found: ${details['answer']}`,
  },
  'manifest-unknown': {
    message: ({ subject, details }) => `manifest for ${subject} not found: ${details['answer']}`,
  },
  'pull-denied': {
    message: ({ subject, details }) =>
      `pull access denied for ${subject}, repository does not exist or may require 'docker login': ${details['answer']}`,
  },
  'pull-of-scratch': { message: () => "'scratch' is a reserved name" },
  'no-manifest-for-platform': {
    message: ({ details }) => `no matching manifest for ${details['platform']} in the manifest list entries`,
  },
  'pulled-for-other-platform': {
    message: ({ subject, details: { wanted, actual } }) =>
      `image with reference ${subject} was found but does not match the specified platform: wanted ${wanted}, actual: ${actual}`,
  },
  'pulled-for-other-os': {
    message: ({ details }) => `image operating system "${details['os']}" cannot be used on this platform`,
  },
  'source-unusable': 'plain',
  'config-damaged': {
    message: ({ details }) => `image config verification failed for digest ${details['digest']}`,
  },
  'pulled-layer-damaged': {
    message: ({ details }) => `filesystem layer verification failed for digest ${details['digest']}`,
  },
  'layer-not-as-configured': 'plain',
  'stored-blob-damaged': 'plain',
  'remote-blob-damaged': 'plain',

  'repository-not-here': {
    message: ({ subject }) => `An image does not exist locally with the tag: ${subject}`,
  },
  'tag-not-here': { message: ({ subject }) => `tag does not exist: ${subject}` },
  'index-expected': 'plain',
  'index-of-other-registry': {
    message: ({ details: { source, target } }) =>
      `cannot use source images from a different registry than the target image: ${source} != ${target}`,
  },

  'transfer-cancelled': 'plain',
  'blob-given-up': 'plain',
};
