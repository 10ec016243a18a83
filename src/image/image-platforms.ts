/** The platforms of images: what an index names, and which of it is here. */
import { EngineError } from '#base/errors.ts';
import type { Descriptor } from '#oci/descriptor.ts';
import type { Digest } from '#oci/digest.ts';
import { decodeIndex } from '#oci/manifest.ts';
import { isIndexType } from '#oci/media-types.ts';
import { matchesPlatform, type Platform, platformText } from '#oci/platform.ts';
import { canonicalReference, parseReference, withDefaultTag } from '#oci/reference.ts';
import type { ImagePlatforms, ManifestSummary } from '#wire/image.ts';
import { imageSize, type LayerSize } from './image-inspect.ts';
import { findImage } from './image-lookup.ts';
import type { StoredManifest } from './image-manifests.ts';
import type { ImageParts } from './image-parts.ts';
import type { ImageRecord } from './image-record.ts';
import { manifestToSave } from './image-save-manifest.ts';

type Parts = Pick<ImageParts, 'table' | 'manifests' | 'content' | 'use'>;

/**
 * The image that a name means for a platform: the named one, or another of the same index that is here too.
 *
 * @throws {EngineError} `not-found`, also where the image is not here for the platform
 */
export function findForPlatform(
  parts: Pick<ImageParts, 'table' | 'manifests'>,
  text: string,
  platform: Platform | undefined,
): ImageRecord {
  const image = findImage(parts.table, text);
  if (!platform || fits(image, platform)) return image;
  const index = indexOf(parts, image);
  const others = index ? parts.manifests.imagesWith(index.digest) : [];
  const found = others.flatMap((id) => parts.table.get(id) ?? []).find((other) => fits(other, platform));
  if (found) return found;
  const name = canonicalReference(withDefaultTag(parseReference(text)));
  throw new EngineError(
    'not-found',
    `image with reference ${name} was found but does not provide the specified platform (${platformText(platform)})`,
  );
}

/** What does not say for what it is may be for anything. */
function fits({ config }: ImageRecord, platform: Platform): boolean {
  return config.architecture === '' || matchesPlatform(config, platform);
}

/** Images without names of their own that are here as other platforms of this one. */
export function otherPlatformsOf(
  parts: Pick<ImageParts, 'table' | 'manifests'>,
  image: ImageRecord,
): readonly ImageRecord[] {
  const index = indexOf(parts, image);
  const others = index ? parts.manifests.imagesWith(index.digest) : [];
  return others
    .filter((id) => id !== image.id && parts.table.namesOf(id).length === 0)
    .flatMap((id) => parts.table.get(id) ?? []);
}

/** True of an image that is here as another platform of an image that has a name: it is part of that one. */
export function isOtherPlatform(parts: Pick<ImageParts, 'table' | 'manifests'>, image: ImageRecord): boolean {
  const { table, manifests } = parts;
  if (table.namesOf(image.id).length > 0) return false;
  const indexes = manifests.of(image.id).filter(({ mediaType }) => isIndexType(mediaType));
  return indexes.some(({ digest }) =>
    manifests.imagesWith(digest).some((id) => table.namesOf(id).length > 0 && holds(parts, id, digest)),
  );
}

/** True if the index is the one that the image shows. */
function holds(parts: Pick<ImageParts, 'table' | 'manifests'>, id: Digest, index: Digest): boolean {
  const image = parts.table.get(id);
  return image !== undefined && indexOf(parts, image)?.digest === index;
}

/** The index that an image came from: the one that its names say, else the latest. */
function indexOf(
  { table, manifests }: Pick<ImageParts, 'table' | 'manifests'>,
  { id }: ImageRecord,
): StoredManifest | undefined {
  const indexes = manifests.of(id).filter(({ mediaType }) => isIndexType(mediaType));
  if (indexes.length < 2) return indexes[0];
  const named = new Set(table.namesOf(id).map(({ reference }) => reference.digest));
  return indexes.find(({ digest }) => named.has(digest)) ?? indexes[0];
}

/** What an image is for clients that ask for its platforms. */
export async function describePlatforms(
  parts: Parts,
  image: ImageRecord,
  sizeOf: LayerSize,
): Promise<ImagePlatforms> {
  const index = indexOf(parts, image);
  if (!index) {
    const own = await ownManifest(parts, image);
    return {
      Descriptor: own,
      Manifests: [await presentManifest(parts, { ...own, platform: platformOf(image) }, image, sizeOf)],
    };
  }
  const { mediaType, digest, content } = index;
  const here = imagesOfIndex(parts, digest);
  const manifests = decodeIndex(content).manifests.map(async (descriptor) => {
    const there = here.get(descriptor.digest);
    return there ? await presentManifest(parts, descriptor, there, sizeOf) : absentManifest(descriptor);
  });
  return {
    Descriptor: { mediaType, digest, size: content.length },
    Manifests: await Promise.all(manifests),
  };
}

/** Images by the manifests that they came as. */
function imagesOfIndex({ table, manifests }: Parts, index: Digest): ReadonlyMap<Digest, ImageRecord> {
  const images = manifests.imagesWith(index).flatMap((id) => table.get(id) ?? []);
  return new Map(
    images.flatMap((image) => manifests.of(image.id).map(({ digest }) => [digest, image] as const)),
  );
}

async function ownManifest({ manifests, content }: Parts, image: ImageRecord): Promise<Descriptor> {
  const [stored] = manifests.of(image.id);
  const { mediaType, digest, content: bytes } = stored ?? (await manifestToSave(image, content));
  return { mediaType, digest, size: bytes.length };
}

async function presentManifest(
  { content, use }: Parts,
  descriptor: Descriptor,
  image: ImageRecord,
  sizeOf: LayerSize,
): Promise<ManifestSummary> {
  const blobs = [image.id, ...image.layers.map(({ blob }) => blob)];
  const sizes = await Promise.all(blobs.map(async (blob) => (await content.stat(blob))?.sizeBytes ?? 0));
  const contentBytes = sizes.reduce((sum, size) => sum + size, descriptor.size);
  // The tar of a layer that came uncompressed is the layer itself.
  const unpackedBytes = imageSize(
    { layers: image.layers.filter(({ compression }) => compression !== 'none') },
    sizeOf,
  );
  return {
    ID: descriptor.digest,
    Descriptor: descriptor,
    Available: true,
    Size: { Content: contentBytes, Total: contentBytes + unpackedBytes },
    Kind: 'image',
    ImageData: {
      Platform: descriptor.platform ?? platformOf(image),
      Size: { Unpacked: imageSize(image, sizeOf) },
      Containers: use.containersOf(image.id).map(({ id }) => id),
    },
  };
}

function absentManifest(descriptor: Descriptor): ManifestSummary {
  const { annotations = {}, platform } = descriptor;
  const common = {
    ID: descriptor.digest,
    Descriptor: descriptor,
    Available: false,
    Size: { Content: 0, Total: 0 },
  };
  if (annotations['vnd.docker.reference.type'] === 'attestation-manifest')
    return {
      ...common,
      Kind: 'attestation',
      AttestationData: { For: annotations['vnd.docker.reference.digest'] ?? '' },
    };
  if (!platform) return { ...common, Kind: 'unknown' };
  return {
    ...common,
    Kind: 'image',
    ImageData: { Platform: platform, Size: { Unpacked: 0 }, Containers: [] },
  };
}

function platformOf({ config: { architecture, os, variant } }: ImageRecord): Platform {
  return { architecture, os: os || 'linux', ...(variant ? { variant } : {}) };
}
