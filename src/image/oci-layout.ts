/** OCI image layouts (OCI image spec, image-layout.md). */
import type { Descriptor } from '#oci/descriptor.ts';
import { digestHex } from '#oci/digest.ts';
import { MAXIMUM_CONFIG_BYTES } from '#oci/image-config.ts';
import { JsonShape } from '#oci/json-shape.ts';
import {
  decodeIndex,
  decodeManifest,
  type ImageIndex,
  isIndex,
  MAXIMUM_MANIFEST_BYTES,
} from '#oci/manifest.ts';
import { isIndexType, layerCompressionOf, MEDIA_TYPES } from '#oci/media-types.ts';
import { hostPlatform, matchesPlatform } from '#oci/platform.ts';
import { parseReference, type Reference, withDefaultTag } from '#oci/reference.ts';
import type { BlobReader } from './archive-content.ts';
import type { ArchiveFile, ArchiveFiles } from './archive-files.ts';
import type { ArchivedImage } from './docker-archive.ts';
import { imageError } from './image-errors.ts';
import type { StoredManifest } from './image-manifests.ts';
import { settleAll } from './settle-all.ts';

export const OCI_INDEX = 'index.json';

/** Indexes in indexes; deeper ones exist only to be hostile. */
const MAXIMUM_DEPTH = 4;

/** True if the layout names images for several platforms, of which other formats tell one. */
export async function namesIndexes(files: ArchiveFiles, reader: BlobReader): Promise<boolean> {
  if (!files.has(OCI_INDEX)) return false;
  const { manifests } = decodeIndex(await reader.read(files.require(OCI_INDEX), MAXIMUM_MANIFEST_BYTES));
  return manifests.some(({ mediaType }) => isIndexType(mediaType));
}

/**
 * Of an index, all images that the archive has: the first is the one for this machine, which gets the names.
 *
 * @throws {EngineError} `invalid` if it is malformed or names blobs that are not there
 */
export async function readOciLayout(
  files: ArchiveFiles,
  reader: BlobReader,
  fits: (config: Buffer) => boolean,
): Promise<readonly ArchivedImage[]> {
  const index = decodeIndex(await reader.read(files.require(OCI_INDEX), MAXIMUM_MANIFEST_BYTES));
  const layout: Layout = { files, reader };
  const found = await settleAll(
    index.manifests.map(async (descriptor): Promise<readonly ArchivedImage[]> => {
      const chains = await manifestsOf(layout, descriptor, []);
      const images = await settleAll(chains.map((chain) => imageOf(layout, chain)));
      const [first, ...others] = images.flatMap((image) => (image && fits(image.config) ? [image] : []));
      if (!first) return [];
      const named = { ...first, references: namesIn(descriptor) };
      return [named, ...others.map((other) => ({ ...other, isOtherPlatform: true }))];
    }),
  );
  return mergeNames(found.flat());
}

interface Layout {
  readonly files: ArchiveFiles;
  readonly reader: BlobReader;
}

/** An image under several names is listed once a name. */
function mergeNames(images: readonly ArchivedImage[]): readonly ArchivedImage[] {
  const byConfig = new Map<string, ArchivedImage>();
  for (const image of images) {
    const key = image.config.toString('latin1');
    const earlier = byConfig.get(key);
    byConfig.set(key, {
      ...earlier,
      ...image,
      references: [...(earlier?.references ?? []), ...image.references],
    });
  }
  return [...byConfig.values()];
}

async function readBlob(
  { files, reader }: Layout,
  descriptor: Descriptor,
  maximumBytes: number,
): Promise<Buffer> {
  const file = blobFile(files, descriptor);
  await reader.store(file, descriptor.digest);
  return await reader.read(file, maximumBytes);
}

function blobFile(files: ArchiveFiles, { digest, size }: Descriptor): ArchiveFile {
  const file = files.require(`blobs/sha256/${digestHex(digest)}`);
  const sizeBytes = file.kind === 'memory' ? file.bytes.length : file.sizeBytes;
  if (sizeBytes === size) return file;
  throw imageError('archive-invalid', {
    details: { problem: `blob ${digest} has ${sizeBytes} bytes, not ${size}` },
  });
}

/**
 * The manifests of images that a descriptor leads to, each after the indexes that lead there; that for this machine is
 * the first.
 */
async function manifestsOf(
  layout: Layout,
  descriptor: Descriptor,
  above: readonly StoredManifest[],
): Promise<readonly (readonly StoredManifest[])[]> {
  if (isAttestation(descriptor)) return [];
  if (above.length > MAXIMUM_DEPTH)
    throw imageError('archive-invalid', { details: { problem: 'indexes are nested too deeply' } });
  const content = await readBlob(layout, descriptor, MAXIMUM_MANIFEST_BYTES);
  const value = new JsonShape('image manifest').parse(content, MAXIMUM_MANIFEST_BYTES);
  const isLeaf = !isIndexType(descriptor.mediaType) && !isIndex(value);
  const fallback = isLeaf ? MEDIA_TYPES.ociManifest : MEDIA_TYPES.ociIndex;
  const stored = { digest: descriptor.digest, mediaType: descriptor.mediaType || fallback, content };
  if (isLeaf) return [[...above, stored]];
  const members = membersHere(decodeIndex(content), layout.files);
  return (await settleAll(members.map((member) => manifestsOf(layout, member, [...above, stored])))).flat();
}

/** What can run under Linux, unless there is nothing of that; the one for this machine before the others. */
function membersHere({ manifests }: ImageIndex, files: ArchiveFiles): readonly Descriptor[] {
  const here = manifests.filter(
    (each) => !isAttestation(each) && files.has(`blobs/sha256/${digestHex(each.digest)}`),
  );
  const forLinux = here.filter(({ platform }) => !platform?.os || platform.os === 'linux');
  const members = forLinux.length > 0 ? forLinux : here;
  const host = hostPlatform();
  const own = members.find(({ platform }) => platform && matchesPlatform(platform, host));
  return own ? [own, ...members.filter((each) => each !== own)] : members;
}

/** BuildKit's provenance and such: manifests that are no images. */
function isAttestation({ annotations, platform }: Descriptor): boolean {
  return annotations?.['vnd.docker.reference.type'] !== undefined || platform?.os === 'unknown';
}

async function imageOf(layout: Layout, chain: readonly StoredManifest[]): Promise<ArchivedImage | undefined> {
  const manifest = decodeManifest(chain.at(-1)?.content ?? Buffer.alloc(0));
  if (!manifest.layers.every(({ mediaType }) => layerCompressionOf(mediaType) !== undefined))
    return undefined;
  return {
    config: await readBlob(layout, manifest.config, MAXIMUM_CONFIG_BYTES),
    layers: manifest.layers.map((layer) => blobFile(layout.files, layer)),
    references: [],
    // One of its own is packed anew by a push, compressed where this one is not.
    ...(chain.length > 1 && { manifests: chain }),
  };
}

/** containerd's annotation is a whole name; OCI's may be a tag alone, which names nothing here. */
function namesIn({ annotations = {} }: Descriptor): readonly Reference[] {
  const whole = annotations['io.containerd.image.name'];
  const short = annotations['org.opencontainers.image.ref.name'];
  const text = whole ?? (short && /[:/]/.test(short) ? short : undefined);
  return text ? [withDefaultTag(parseReference(text))] : [];
}
