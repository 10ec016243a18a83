import type { ImageDefaults } from '#oci/image-defaults.ts';

/** BuildKit's, where an image says nothing. */
const DEFAULT_PATH = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

export function withPath(config: ImageDefaults): ImageDefaults {
  const { Env = [] } = config;
  return Env.some((entry) => entry.startsWith('PATH=')) ? config : { ...config, Env: [...Env, DEFAULT_PATH] };
}
