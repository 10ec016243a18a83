/** `GET /distribution/{name}/json`: what a registry has, without pulling it. */
import { decodeImageConfig } from '#oci/image-config.ts';
import { decodeIndex } from '#oci/manifest.ts';
import { isIndexType } from '#oci/media-types.ts';
import type { Platform } from '#oci/platform.ts';
import { familiarReference, parseReference, withDefaultTag } from '#oci/reference.ts';
import type { DistributionInspect } from '#wire/distribution.ts';
import type { RegistryCredentials } from '#registry/credentials.ts';
import type { ImageParts } from './image-parts.ts';
import { readPullSource } from './image-pull-source.ts';
import { inPullersWords } from './registry-texts.ts';

export interface DistributionRequest {
  readonly reference: string;
  readonly credentials: RegistryCredentials;
  readonly signal: AbortSignal;
}

/** @throws {EngineError} what `registry.ts` says */
export async function inspectRemote(
  { registries, content, registryRetry: retry, maximumLayerBytes }: ImageParts,
  { reference: text, credentials, signal }: DistributionRequest,
): Promise<DistributionInspect> {
  const reference = withDefaultTag(parseReference(text));
  const repository = registries.open(reference, { credentials, access: 'pull', signal });
  const target = reference.digest ?? reference.tag ?? '';
  try {
    const { mediaType, digest, content: bytes } = await repository.fetchManifest(target);
    const descriptor = { mediaType, digest, size: bytes.length };
    if (isIndexType(mediaType)) {
      const platforms = decodeIndex(bytes).manifests.flatMap(({ platform }) => (platform ? [platform] : []));
      return { Descriptor: descriptor, Platforms: platforms.map(toWire) };
    }
    const name = familiarReference(reference);
    const options = { repository, name, reference: digest, content, retry, maximumLayerBytes, signal };
    const { configBytes } = await readPullSource(options);
    return { Descriptor: descriptor, Platforms: [toWire(decodeImageConfig(configBytes))] };
  } catch (error) {
    throw inPullersWords(error, reference);
  }
}

function toWire({ os, architecture, variant }: Platform) {
  return { architecture, os, ...(variant ? { variant } : {}) };
}
