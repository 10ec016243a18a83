/** What a registry has, without pulling it. */
import { decodeImageConfig } from '#oci/image-config.ts';
import { decodeIndex } from '#oci/manifest.ts';
import { isIndexType } from '#oci/media-types.ts';
import type { Platform } from '#oci/platform.ts';
import { familiarReference, parseReference, withDefaultTag } from '#oci/reference.ts';
import { readPullSource, type SourceReading } from './image-pull-source.ts';
import { asImageError } from './registry-answers.ts';
import type { RemoteImage, RemoteImageRequest } from './remote-image.ts';

/** @throws {EngineError} what `registry.ts` says */
export async function inspectRemote(
  reading: SourceReading,
  { reference: text, credentials, signal }: RemoteImageRequest,
): Promise<RemoteImage> {
  const reference = withDefaultTag(parseReference(text));
  const repository = reading.registries.open(reference, { credentials, access: 'pull', signal });
  const target = reference.digest ?? reference.tag ?? '';
  try {
    const { mediaType, digest, content: bytes } = await repository.fetchManifest(target);
    const descriptor = { mediaType, digest, size: bytes.length };
    if (isIndexType(mediaType)) {
      const platforms = decodeIndex(bytes).manifests.flatMap(({ platform }) => (platform ? [platform] : []));
      return { descriptor, platforms };
    }
    const name = familiarReference(reference);
    const options = { reading, repository, name, reference: digest, signal };
    const { configBytes } = await readPullSource(options);
    return { descriptor, platforms: [platformOf(decodeImageConfig(configBytes))] };
  } catch (error) {
    throw asImageError(error, reference);
  }
}

function platformOf({ os, architecture, variant }: Platform): Platform {
  return { architecture, os, ...(variant ? { variant } : {}) };
}
