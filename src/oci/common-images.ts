/** Names of images that are often meant, as BuildKit has them: what a misspelt name is compared with. */
export const COMMON_IMAGES: readonly string[] = [
  'alpine',
  'busybox',
  'centos',
  'debian',
  'golang',
  'ubuntu',
  'fedora',
];
