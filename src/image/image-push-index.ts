/** Images that are part of an index, on their way to a registry: the index goes along where it can. */
import { isEngineError } from '#base/errors.ts';
import type { Descriptor } from '#oci/descriptor.ts';
import type { Digest } from '#oci/digest.ts';
import { decodeIndex, decodeManifest } from '#oci/manifest.ts';
import { isIndexType } from '#oci/media-types.ts';
import type { Repository } from '#registry/registry.ts';
import type { ContentReader } from '#store/content.ts';
import type { ImageAttachments } from './image-attachments.ts';
import type { ImageManifests, StoredManifest } from './image-manifests.ts';

/** What images came with, and what belongs to them. */
export interface ImageDocuments {
  readonly manifests: ImageManifests;
  readonly attachments: ImageAttachments;
  readonly content: ContentReader;
}

export interface IndexOnItsWay {
  readonly index: StoredManifest;
  /** The repository has it under the tag: there is nothing to send. */
  readonly isThere: boolean;
  readonly manifests: readonly StoredManifest[];
  readonly blobs: readonly Descriptor[];
  /** The blobs that are not files of the store. */
  readonly documents: ReadonlyMap<Digest, Buffer>;
}

/**
 * The index that an image came with or was built into the last time, if the repository has it under the tag, or
 * everything that it names is here; otherwise the image goes alone.
 */
export async function indexToPush(
  { manifests: stored, attachments, content }: ImageDocuments,
  imageId: Digest,
  repository: Repository,
  tag: string,
): Promise<IndexOnItsWay | undefined> {
  const index = stored.latest(imageId).find(({ mediaType }) => isIndexType(mediaType));
  if (!index) return undefined;
  if ((await digestOfTag(repository, tag)) === index.digest)
    return { index, isThere: true, manifests: [], blobs: [], documents: new Map() };
  const attached = new Map(attachments.of(imageId).map((document) => [document.digest, document]));
  const manifests = membersHere(stored, index, attached);
  if (!manifests) return undefined;
  const blobs = manifests.flatMap((manifest) => {
    const { config, layers } = decodeManifest(manifest.content);
    return [config, ...layers];
  });
  const isHere = async ({ digest }: Descriptor) =>
    attached.has(digest) || (await content.stat(digest)) !== undefined || (await repository.hasBlob(digest));
  const unique = [...new Map(blobs.map((blob) => [blob.digest, blob])).values()];
  const areHere = (await Promise.all(unique.map(isHere))).every(Boolean);
  const documents = new Map([...attached].map(([digest, document]) => [digest, document.content]));
  return areHere ? { index, isThere: false, manifests, blobs: unique, documents } : undefined;
}

async function digestOfTag(repository: Repository, tag: string): Promise<Digest | undefined> {
  try {
    return (await repository.resolve(tag)).digest;
  } catch (error) {
    if (isEngineError(error, 'not-found')) return undefined;
    throw error;
  }
}

/** What the index names, if images that are here came as all of it. */
function membersHere(
  manifests: ImageManifests,
  index: StoredManifest,
  attached: ReadonlyMap<Digest, StoredManifest>,
): readonly StoredManifest[] | undefined {
  const known = new Map(
    manifests
      .imagesWith(index.digest)
      .flatMap((id) => manifests.of(id))
      .map((stored) => [stored.digest, stored]),
  );
  const members = decodeIndex(index.content).manifests.map(({ digest, mediaType }) => {
    const document = attached.get(digest);
    return known.get(digest) ?? (document && { ...document, mediaType });
  });
  const found = members.filter((member) => member !== undefined && !isIndexType(member.mediaType));
  return found.length === members.length ? found.filter((member) => member !== undefined) : undefined;
}
