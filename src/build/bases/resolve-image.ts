import { buffer } from 'node:stream/consumers';
import { type Digest, isDigest } from '#oci/digest.ts';
import { familiarName, parseReference } from '#oci/reference.ts';
import type { BaseImage } from './base-image.ts';
import type { NamedImages } from '../dependencies.ts';
import type { ContentStore } from '#store/content.ts';
import { layoutOfName } from './layout-image.ts';
import type { BaseImages } from './base-images.ts';

/** The keys of {@link resolveImage}'s answer: BuildKit's names. */
export const RESOLVED_DIGEST = 'containerimage.digest';
export const RESOLVED_CONFIG = 'containerimage.config';

export interface ImageDescriptions {
  readonly images: Pick<NamedImages, 'referencesOf'>;
  readonly content: Pick<ContentStore, 'read'>;
}

/**
 * An image's configuration, byte for byte, and the digest that registries know it by; empty for one that was made here.
 *
 * @throws {EngineError} what looking for it says
 */
export async function resolveImage(
  { images, content }: ImageDescriptions,
  bases: BaseImages,
  image: BaseImage,
): Promise<Readonly<Record<string, string>>> {
  const { id } = await bases.get(image);
  const config = await buffer(content.read(id));
  return {
    [RESOLVED_DIGEST]: layoutOfName(image.name)?.digest ?? manifestDigest(images, image.name, id),
    [RESOLVED_CONFIG]: config.toString(),
  };
}

function manifestDigest(images: ImageDescriptions['images'], name: string, id: Digest): string {
  if (isDigest(name)) return '';
  const reference = parseReference(name);
  if (reference.digest !== undefined) return reference.digest;
  const prefix = `${familiarName(reference)}@`;
  const isRecorded = (known: string) => known.startsWith(prefix);
  return images.referencesOf(id).find(isRecorded)?.slice(prefix.length) ?? '';
}
