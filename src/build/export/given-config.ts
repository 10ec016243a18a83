import { EngineError } from '#base/errors.ts';
import type { ImageConfig, ImageHistory } from '#oci/image-config.ts';
import type { BuiltImage } from './outcome.ts';

/**
 * An image with a configuration that the client has made for it: its layers stay, and lines of the history that layers
 * are missing are added.
 *
 * @throws {EngineError} `invalid` without a platform
 */
export function withConfig(image: BuiltImage, config: ImageConfig): BuiltImage {
  const { os, architecture } = config;
  for (const [name, value] of Object.entries({ os, architecture }))
    if (value === '') throw new EngineError('invalid', `missing ${name}`);
  const history = completeHistory(config.history, image.config.history);
  const created = config.created ?? history.findLast((line) => line.created !== undefined)?.created;
  const { variant } = config;
  return {
    ...image,
    platform: { os, architecture, ...(variant !== undefined && { variant }) },
    config: {
      ...config,
      ...(created !== undefined && { created }),
      rootfs: image.config.rootfs,
      history,
    },
  };
}

/** @param own with a line for each layer, from which missing lines and times are taken */
function completeHistory(
  given: readonly ImageHistory[],
  own: readonly ImageHistory[],
): readonly ImageHistory[] {
  const ofLayers = own.filter(isOfLayer);
  let layers = 0;
  const lines = given.map((line): ImageHistory => {
    if (!isOfLayer(line)) return line;
    const own = ofLayers[layers];
    layers += 1;
    if (!own) return { ...line, empty_layer: true };
    return line.created === undefined && own.created !== undefined ? { ...line, created: own.created } : line;
  });
  return [...lines, ...ofLayers.slice(layers)];
}

function isOfLayer({ empty_layer }: ImageHistory): boolean {
  return empty_layer !== true;
}
