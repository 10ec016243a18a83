/** Results as clients see and return them: references by platform, and configurations beside them. */
import type { BuildOutcome } from '#build/export/outcome.ts';
import { formatPlatform } from '#dockerfile/stages/scopes.ts';
import { encodeImageConfig } from '#oci/image-config.ts';
import type { Reference, Result } from '#wire/buildkit/gateway.ts';
import type { InputOf } from '#wire/buildkit/message.ts';

/** BuildKit's names (`exporter/containerimage/exptypes`). */
export const CONFIG = 'containerimage.config';
export const PLATFORMS = 'refs.platforms';

type Metadata = Readonly<Record<string, Uint8Array>>;

export function metadataOf(texts: Readonly<Record<string, string>>): Metadata {
  return Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, Buffer.from(text)]));
}

/** @param add makes the reference of one of the images */
export function resultOf(
  { images, isMultiPlatform }: BuildOutcome,
  add: (number: number) => InputOf<typeof Reference>,
): InputOf<typeof Result> {
  const [first] = images;
  if (!isMultiPlatform)
    return { ref: add(0), ...(first && { metadata: { [CONFIG]: encodeImageConfig(first.config) } }) };
  const named = images.map((image) => ({ image, id: formatPlatform(image.platform) }));
  const configs = named.map(({ image, id }) => [`${CONFIG}/${id}`, encodeImageConfig(image.config)] as const);
  const platforms = named.map(({ image: { platform }, id }) => ({ ID: id, Platform: platform }));
  return {
    refs: { refs: Object.fromEntries(named.map(({ id }, number) => [id, add(number)])) },
    metadata: {
      ...Object.fromEntries(configs),
      [PLATFORMS]: Buffer.from(JSON.stringify({ Platforms: platforms })),
    },
  };
}
