/** Image archives become images. */
import type { Readable } from 'node:stream';
import { decodeImageConfig } from '#oci/image-config.ts';
import { familiarReference } from '#oci/reference.ts';
import { BlobReader } from './archive-content.ts';
import { type ArchiveFile, type ArchiveFiles, cleanName } from './archive-files.ts';
import { ArchiveIntake, type ArrivedFile, layerCompression } from './archive-intake.ts';
import { decompressed } from './archive-stream.ts';
import { type ArchivedImage, DOCKER_MANIFEST, readDockerArchive } from './docker-archive.ts';
import { imageError } from './image-errors.ts';
import { emitImageEvent } from './image-events.ts';
import type { LoadProgress } from './image-progress.ts';
import type { ImageLayer } from './image-record.ts';
import type { NewImage, PreparedImage } from './image-registrar.ts';
import type { ImageTable } from './image-table.ts';
import { knownDiffIds } from './known-layers.ts';
import { LayerIntake } from './layer-intake.ts';
import type { NewImageRoles } from './new-image-roles.ts';
import { OCI_INDEX, readOciLayout } from './oci-layout.ts';
import { settleAll } from './settle-all.ts';

/**
 * Loads every image of a docker-archive or OCI layout; all or none become visible, and they are durable before the
 * first `loaded`.
 *
 * @throws {EngineError} `archive-…`, `layer-…`, `invalid` for a malformed configuration, `exhausted` for a full disk;
 *   nothing is left
 */
export async function* loadImages(
  { table, storage, registrar, workingSets, emit }: NewImageRoles,
  archive: Readable,
  signal: AbortSignal | undefined,
): AsyncGenerator<LoadProgress, void> {
  await using lease = workingSets.open();
  const cancelling = new AbortController();
  const aborting = { signal: signal ? AbortSignal.any([signal, cancelling.signal]) : cancelling.signal };
  const { content, maximumLayerBytes: maximumFileBytes } = storage;
  const layers = new LayerIntake({
    layers: storage.layers,
    lease,
    knownDiffId: knownDiffIds(table),
    ...aborting,
  });
  await using intake = new ArchiveIntake({ content, layers, lease, maximumFileBytes, ...aborting });
  // Runs before the intake waits: what is still being unpacked then belongs to no image.
  using _ = { [Symbol.dispose]: () => cancelling.abort() };
  for await (const file of intake.read(decompressed(archive))) yield arrivalOf(file);
  const reader = new BlobReader(content, lease);
  const described = await describeImages(intake.files, reader);
  const loaded = await settleAll(
    described.map(async (each) => await registrar.prepare(await toNewImage(each, reader, layers), lease)),
  );
  const renamed = renamings(loaded, table);
  await registrar.register(loaded);
  for (const { record } of loaded) emitImageEvent(emit, 'load', record, record.id);
  yield* renamed;
  for (const { image, record } of loaded)
    yield { kind: 'loaded', id: record.id, names: image.references.map(familiarReference) };
}

function arrivalOf({ path, sizeBytes }: ArrivedFile): LoadProgress {
  return { kind: 'arrived', file: cleanName(path).replace(/^blobs\/sha256\//, ''), sizeBytes };
}

async function describeImages(files: ArchiveFiles, reader: BlobReader): Promise<readonly ArchivedImage[]> {
  if (files.has(DOCKER_MANIFEST)) return await readDockerArchive(files, reader);
  if (files.has(OCI_INDEX)) return await readOciLayout(files, reader);
  throw imageError('archive-invalid', {
    details: { problem: `the archive has neither ${DOCKER_MANIFEST} nor ${OCI_INDEX}` },
  });
}

async function toNewImage(image: ArchivedImage, reader: BlobReader, layers: LayerIntake): Promise<NewImage> {
  const { os } = decodeImageConfig(image.config);
  if (os !== '' && os !== 'linux') throw imageError('archive-for-other-os', { details: { os } });
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

function renamings(loaded: readonly PreparedImage[], table: ImageTable): readonly LoadProgress[] {
  return loaded.flatMap(({ image, record }) =>
    image.references.flatMap((reference): readonly LoadProgress[] => {
      const previous = table.named(reference);
      if (!previous || previous.id === record.id) return [];
      return [{ kind: 'renamed', name: familiarReference(reference), previous: previous.id }];
    }),
  );
}
