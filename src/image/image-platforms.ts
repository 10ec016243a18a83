/** The platforms of images: what an index names, and which of it is here. */
import type { Descriptor } from '#oci/descriptor.ts';
import type { Digest } from '#oci/digest.ts';
import { decodeIndex } from '#oci/manifest.ts';
import { isIndexType } from '#oci/media-types.ts';
import { matchesPlatform, type Platform, platformText } from '#oci/platform.ts';
import { canonicalReference, parseReference, withDefaultTag } from '#oci/reference.ts';
import type { ContentReader } from '#store/content.ts';
import { imageError } from './image-errors.ts';
import { imageSize, type LayerSize } from './image-inspect.ts';
import { findImage } from './image-lookup.ts';
import type { ImageManifests, StoredManifest } from './image-manifests.ts';
import type { ImageRecord } from './image-record.ts';
import { manifestToSave } from './image-save-manifest.ts';
import type { ImageTable } from './image-table.ts';
import type { ManifestSubject, ManifestView } from './image-view.ts';
import type { ImageUse } from './image.ts';

/** Images and the indexes that they came from. */
export interface PlatformSources {
  readonly table: ImageTable;
  readonly manifests: ImageManifests;
}

/** Those, and what manifests are made from where there is none. */
export interface ManifestSources extends PlatformSources {
  readonly content: ContentReader;
}

/** What is told of platforms besides. */
export interface PlatformDetails extends ManifestSources {
  readonly use: ImageUse;
  readonly sizeOf: LayerSize;
}

/**
 * The image that a name means for a platform: the named one, or another of the same index that is here too.
 *
 * @throws {EngineError} `no-such-image`, `platform-not-here`
 */
export function findForPlatform(
  sources: PlatformSources,
  text: string,
  platform: Platform | undefined,
): ImageRecord {
  const image = findImage(sources.table, text);
  if (!platform || fits(image, platform)) return image;
  const index = indexOf(sources, image);
  const others = index ? sources.manifests.imagesWith(index.digest) : [];
  const found = others.flatMap((id) => sources.table.get(id) ?? []).find((other) => fits(other, platform));
  if (found) return found;
  const name = canonicalReference(withDefaultTag(parseReference(text)));
  throw imageError('platform-not-here', { subject: name, details: { platform: platformText(platform) } });
}

/** What does not say for what it is may be for anything. */
export function fits({ config }: ImageRecord, platform: Platform): boolean {
  return config.architecture === '' || matchesPlatform(config, platform);
}

/** Images without names of their own that are here as other platforms of this one. */
export function otherPlatformsOf(sources: PlatformSources, image: ImageRecord): readonly ImageRecord[] {
  const index = indexOf(sources, image);
  const others = index ? sources.manifests.imagesWith(index.digest) : [];
  return others
    .filter((id) => id !== image.id && sources.table.namesOf(id).length === 0)
    .flatMap((id) => sources.table.get(id) ?? []);
}

/** True of an image that is here as another platform of an image that has a name: it is part of that one. */
export function isOtherPlatform(sources: PlatformSources, image: ImageRecord): boolean {
  const { table, manifests } = sources;
  if (table.namesOf(image.id).length > 0) return false;
  const indexes = manifests.of(image.id).filter(({ mediaType }) => isIndexType(mediaType));
  return indexes.some(({ digest }) =>
    manifests.imagesWith(digest).some((id) => table.namesOf(id).length > 0 && holds(sources, id, digest)),
  );
}

/** True if the index is the one that the image shows. */
function holds(sources: PlatformSources, id: Digest, index: Digest): boolean {
  const image = sources.table.get(id);
  return image !== undefined && indexOf(sources, image)?.digest === index;
}

/** The index that an image came from: the one that its names say, else the latest. */
export function indexOf(
  { table, manifests }: PlatformSources,
  { id }: ImageRecord,
): StoredManifest | undefined {
  const indexes = manifests.of(id).filter(({ mediaType }) => isIndexType(mediaType));
  if (indexes.length < 2) return indexes[0];
  const named = new Set(table.namesOf(id).map(({ reference }) => reference.digest));
  return indexes.find(({ digest }) => named.has(digest)) ?? indexes[0];
}

/** Describes the index that an image came with, or its manifest. */
export async function describeTarget(details: ManifestSources, image: ImageRecord): Promise<Descriptor> {
  const index = indexOf(details, image);
  return index ? descriptorOf(index) : await ownManifest(details, image);
}

export async function describeManifest(details: ManifestSources, image: ImageRecord): Promise<Descriptor> {
  return { ...(await ownManifest(details, image)), platform: platformOf(image) };
}

/** All manifests of the index that an image came with, or its own. */
export async function describeManifests(
  details: PlatformDetails,
  image: ImageRecord,
): Promise<readonly ManifestView[]> {
  const index = indexOf(details, image);
  if (!index) return [await presentManifest(details, await describeManifest(details, image), image)];
  const { digest, content } = index;
  const here = imagesOfIndex(details, digest);
  const manifests = decodeIndex(content).manifests.map(async (descriptor) => {
    const there = here.get(descriptor.digest);
    return there ? await presentManifest(details, descriptor, there) : absentManifest(descriptor);
  });
  return await Promise.all(manifests);
}

/** What is here of the index that an image came from, in its order, each with the manifest that it came as. */
export function membersOfIndex(
  sources: PlatformSources,
  image: ImageRecord,
): readonly { readonly image: ImageRecord; readonly manifest: StoredManifest }[] {
  const index = indexOf(sources, image);
  if (!index) return [];
  const here = imagesOfIndex(sources, index.digest);
  return decodeIndex(index.content).manifests.flatMap(({ digest }) => {
    const member = here.get(digest);
    const manifest = member && sources.manifests.of(member.id).find((stored) => stored.digest === digest);
    return manifest ? [{ image: member, manifest }] : [];
  });
}

/** Images by the manifests that they came as. */
function imagesOfIndex(
  { table, manifests }: PlatformSources,
  index: Digest,
): ReadonlyMap<Digest, ImageRecord> {
  const images = manifests.imagesWith(index).flatMap((id) => table.get(id) ?? []);
  return new Map(
    images.flatMap((image) => manifests.of(image.id).map(({ digest }) => [digest, image] as const)),
  );
}

async function ownManifest({ manifests, content }: ManifestSources, image: ImageRecord): Promise<Descriptor> {
  const stored = manifests.of(image.id).find(({ mediaType }) => !isIndexType(mediaType));
  return descriptorOf(stored ?? (await manifestToSave(image, content)));
}

function descriptorOf({ mediaType, digest, content }: StoredManifest): Descriptor {
  return { mediaType, digest, size: content.length };
}

async function presentManifest(
  { content, use, sizeOf }: Pick<PlatformDetails, 'content' | 'use' | 'sizeOf'>,
  descriptor: Descriptor,
  image: ImageRecord,
): Promise<ManifestView> {
  const blobs = [image.id, ...image.layers.map(({ blob }) => blob)];
  const sizes = await Promise.all(blobs.map(async (blob) => (await content.stat(blob))?.sizeBytes ?? 0));
  const contentBytes = sizes.reduce((sum, size) => sum + size, descriptor.size);
  // The tar of a layer that came uncompressed is the layer itself.
  const compressed = image.layers.filter(({ compression }) => compression !== 'none');
  return {
    descriptor,
    isHere: true,
    contentBytes,
    totalBytes: contentBytes + imageSize({ layers: compressed }, sizeOf),
    subject: {
      kind: 'image',
      platform: descriptor.platform ?? platformOf(image),
      unpackedBytes: imageSize(image, sizeOf),
      containers: use.containersOf(image.id).map(({ id }) => id),
    },
  };
}

function absentManifest(descriptor: Descriptor): ManifestView {
  return { descriptor, isHere: false, contentBytes: 0, totalBytes: 0, subject: absentSubject(descriptor) };
}

function absentSubject({ annotations = {}, platform }: Descriptor): ManifestSubject {
  if (annotations['vnd.docker.reference.type'] === 'attestation-manifest')
    return { kind: 'attestation', about: annotations['vnd.docker.reference.digest'] ?? '' };
  if (!platform) return { kind: 'unknown' };
  return { kind: 'image', platform, unpackedBytes: 0, containers: [] };
}

function platformOf({ config: { architecture, os, variant } }: ImageRecord): Platform {
  return { architecture, os: os || 'linux', ...(variant ? { variant } : {}) };
}
