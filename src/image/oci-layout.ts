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
import { isIndexType, layerCompressionOf } from '#oci/media-types.ts';
import { hostPlatform, matchesPlatform } from '#oci/platform.ts';
import { parseReference, type Reference, withDefaultTag } from '#oci/reference.ts';
import type { BlobReader } from './archive-content.ts';
import type { ArchiveFile, ArchiveFiles } from './archive-files.ts';
import type { ArchivedImage } from './docker-archive.ts';
import { imageError } from './image-errors.ts';
import { settleAll } from './settle-all.ts';

export const OCI_INDEX = 'index.json';

/** Indexes in indexes; deeper ones exist only to be hostile. */
const MAXIMUM_DEPTH = 4;

/** @throws {EngineError} `invalid` if it is malformed or names blobs that are not there */
export async function readOciLayout(
  files: ArchiveFiles,
  reader: BlobReader,
): Promise<readonly ArchivedImage[]> {
  const index = decodeIndex(await reader.read(files.require(OCI_INDEX), MAXIMUM_MANIFEST_BYTES));
  const layout: Layout = { files, reader };
  const found = await settleAll(
    index.manifests.map(async (descriptor) => {
      const manifest = await pickManifest(layout, descriptor, 0);
      return manifest ? await imageOf(layout, manifest, namesIn(descriptor)) : undefined;
    }),
  );
  return mergeNames(found.filter((image) => image !== undefined));
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
    byConfig.set(key, { ...image, references: [...(earlier?.references ?? []), ...image.references] });
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

/** The manifest itself, or of an index the one for this machine, else the first that is an image. */
async function pickManifest(
  layout: Layout,
  descriptor: Descriptor,
  depth: number,
): Promise<Buffer | undefined> {
  if (isAttestation(descriptor)) return undefined;
  if (depth > MAXIMUM_DEPTH)
    throw imageError('archive-invalid', { details: { problem: 'indexes are nested too deeply' } });
  const bytes = await readBlob(layout, descriptor, MAXIMUM_MANIFEST_BYTES);
  const value = new JsonShape('image manifest').parse(bytes, MAXIMUM_MANIFEST_BYTES);
  if (!isIndexType(descriptor.mediaType) && !isIndex(value)) return bytes;
  const choice = chooseManifest(decodeIndex(bytes), layout.files);
  return choice && (await pickManifest(layout, choice, depth + 1));
}

function chooseManifest({ manifests }: ImageIndex, files: ArchiveFiles): Descriptor | undefined {
  const images = manifests.filter(
    (each) => !isAttestation(each) && files.has(`blobs/sha256/${digestHex(each.digest)}`),
  );
  const host = hostPlatform();
  return images.find(({ platform }) => platform && matchesPlatform(platform, host)) ?? images[0];
}

/** BuildKit's provenance and such: manifests that are no images. */
function isAttestation({ annotations, platform }: Descriptor): boolean {
  return annotations?.['vnd.docker.reference.type'] !== undefined || platform?.os === 'unknown';
}

async function imageOf(
  layout: Layout,
  bytes: Buffer,
  references: readonly Reference[],
): Promise<ArchivedImage | undefined> {
  const manifest = decodeManifest(bytes);
  if (!manifest.layers.every(({ mediaType }) => layerCompressionOf(mediaType) !== undefined))
    return undefined;
  return {
    config: await readBlob(layout, manifest.config, MAXIMUM_CONFIG_BYTES),
    layers: manifest.layers.map((layer) => blobFile(layout.files, layer)),
    references,
  };
}

/** containerd's annotation is a whole name; OCI's may be a tag alone, which names nothing here. */
function namesIn({ annotations = {} }: Descriptor): readonly Reference[] {
  const whole = annotations['io.containerd.image.name'];
  const short = annotations['org.opencontainers.image.ref.name'];
  const text = whole ?? (short && /[:/]/.test(short) ? short : undefined);
  return text ? [withDefaultTag(parseReference(text))] : [];
}
