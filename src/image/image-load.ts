/** `POST /images/load`. */
import type { Readable } from 'node:stream';
import { EngineError } from '#base/errors.ts';
import { shortId } from '#base/ids.ts';
import { decodeImageConfig } from '#oci/image-config.ts';
import { familiarReference } from '#oci/reference.ts';
import type { ProgressMessage } from '#wire/image.ts';
import { BlobReader } from './archive-content.ts';
import { type ArchiveFile, type ArchiveFiles, cleanName } from './archive-files.ts';
import { ArchiveIntake, type ArrivedFile, layerCompression } from './archive-intake.ts';
import { decompressed } from './archive-stream.ts';
import { type ArchivedImage, DOCKER_MANIFEST, readDockerArchive } from './docker-archive.ts';
import { emitImageEvent } from './image-events.ts';
import { type ImageParts, knownDiffIds, WorkingSet } from './image-parts.ts';
import type { ImageLayer, ImageRecord } from './image-record.ts';
import { type NewImage, prepareImage, registerImages } from './image-register.ts';
import { LayerIntake } from './layer-intake.ts';
import { OCI_INDEX, readOciLayout } from './oci-layout.ts';
import { settleAll } from './settle-all.ts';

interface LoadedImage {
  readonly image: NewImage;
  readonly record: ImageRecord;
}

/**
 * Loads every image of a docker-archive or OCI layout; all or none become visible, and they are durable before the
 * first `Loaded image`.
 *
 * @throws {EngineError} `invalid` for a hostile or malformed archive, `exhausted` for a full disk; nothing is left
 */
export async function* loadImages(
  parts: ImageParts,
  archive: Readable,
  signal: AbortSignal | undefined,
): AsyncGenerator<ProgressMessage, void> {
  await using work = new WorkingSet(parts);
  const { lease } = work;
  const cancelling = new AbortController();
  const aborting = { signal: signal ? AbortSignal.any([signal, cancelling.signal]) : cancelling.signal };
  const layers = new LayerIntake({
    layers: parts.layers,
    lease,
    knownDiffId: knownDiffIds(parts.table),
    ...aborting,
  });
  const { content, maximumLayerBytes: maximumFileBytes } = parts;
  await using intake = new ArchiveIntake({ content, layers, lease, maximumFileBytes, ...aborting });
  // Runs before the intake waits: what is still being unpacked then belongs to no image.
  using _ = { [Symbol.dispose]: () => cancelling.abort() };
  for await (const file of intake.read(decompressed(archive))) yield arrivalOf(file);
  const reader = new BlobReader(content, lease);
  const described = await describeImages(intake.files, reader);
  const loaded = await settleAll(
    described.map(async (each): Promise<LoadedImage> => {
      const image = await toNewImage(each, reader, layers);
      return { image, record: await prepareImage(image, parts, lease) };
    }),
  );
  const renamed = renamingMessages(loaded, parts);
  await registerImages(loaded, parts);
  for (const { record } of loaded) emitImageEvent(parts.emit, 'load', record, record.id);
  yield* renamed;
  for (const each of loaded) yield* loadedMessages(each);
}

function arrivalOf({ path, sizeBytes }: ArrivedFile): ProgressMessage {
  const id = shortId(cleanName(path).replace(/^blobs\/sha256\//, ''));
  return { status: 'Loading layer', id, progressDetail: { current: sizeBytes, total: sizeBytes } };
}

async function describeImages(files: ArchiveFiles, reader: BlobReader): Promise<readonly ArchivedImage[]> {
  if (files.has(DOCKER_MANIFEST)) return await readDockerArchive(files, reader);
  if (files.has(OCI_INDEX)) return await readOciLayout(files, reader);
  throw new EngineError(
    'invalid',
    `Cannot load image: the archive has neither ${DOCKER_MANIFEST} nor ${OCI_INDEX}`,
  );
}

async function toNewImage(image: ArchivedImage, reader: BlobReader, layers: LayerIntake): Promise<NewImage> {
  const { os } = decodeImageConfig(image.config);
  if (os !== '' && os !== 'linux') throw new EngineError('invalid', `cannot load ${os} image on linux`);
  return {
    configBytes: image.config,
    references: image.references,
    layers: await settleAll(image.layers.map((file) => toLayer(file, reader, layers))),
  };
}

async function toLayer(file: ArchiveFile, reader: BlobReader, layers: LayerIntake): Promise<ImageLayer> {
  const compression = file.kind === 'blob' ? file.compression : layerCompression(file.bytes);
  const { digest } = await reader.store(file);
  return await layers.unpack({ blob: digest, compression });
}

function renamingMessages(loaded: readonly LoadedImage[], { table }: ImageParts): readonly ProgressMessage[] {
  return loaded.flatMap(({ image, record }) =>
    image.references.flatMap((reference) => {
      const previous = table.named(reference);
      if (!previous || previous.id === record.id) return [];
      const name = familiarReference(reference);
      const stream = `The image ${name} already exists, renaming the old one with ID ${previous.id} to empty string\n`;
      return [{ stream }];
    }),
  );
}

function* loadedMessages({ image, record }: LoadedImage): Generator<ProgressMessage, void> {
  for (const reference of image.references)
    yield { stream: `Loaded image: ${familiarReference(reference)}\n` };
  if (image.references.length === 0) yield { stream: `Loaded image ID: ${record.id}\n` };
}
