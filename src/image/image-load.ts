/** Image archives become images. */
import type { Readable } from 'node:stream';
import { plainTar } from '#layer/plain-tar.ts';
import { decodeImageConfig } from '#oci/image-config.ts';
import { familiarReference } from '#oci/reference.ts';
import { BlobReader } from './archive-content.ts';
import { type ArchiveFile, type ArchiveFiles, cleanName } from './archive-files.ts';
import { ArchiveIntake, type ArrivedFile } from './archive-intake.ts';
import { type ArchivedImage, DOCKER_MANIFEST, readDockerArchive } from './docker-archive.ts';
import { imageError } from './image-errors.ts';
import { emitImageEvent } from './image-events.ts';
import type { LoadProgress } from './image-progress.ts';
import type { ImageLayer } from './image-record.ts';
import type { NewImage, PreparedImage } from './image-registrar.ts';
import type { ImageTable } from './image-table.ts';
import { knownDiffIds } from './known-layers.ts';
import { LayerIntake } from './layer-intake.ts';
import { LEGACY_NAMES, readLegacyArchive } from './legacy-archive.ts';
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
  using _ = {
    [Symbol.dispose]: () => {
      cancelling.abort();
      archive.destroy();
    },
  };
  for await (const file of intake.read(plainTar(archive))) yield arrivalOf(file);
  const reader = new BlobReader(storage, lease);
  const images = await readImages(intake.files, reader, layers);
  const loaded = await settleAll(images.map((image) => registrar.prepare(image, lease)));
  const renamed = renamings(loaded, table);
  await registrar.register(loaded);
  for (const { record } of loaded) emitImageEvent(emit, 'load', record, record.id);
  yield* renamed;
  const parents = new Set(images.map(({ parent }) => parent));
  for (const { image, record } of loaded)
    if (image.references.length > 0 || !parents.has(record.id))
      yield { kind: 'loaded', id: record.id, names: image.references.map(familiarReference) };
}

function arrivalOf({ path, sizeBytes }: ArrivedFile): LoadProgress {
  return { kind: 'arrived', file: cleanName(path).replace(/^blobs\/sha256\//, ''), sizeBytes };
}

/** Every image of the archive, its layers unpacked. */
async function readImages(
  files: ArchiveFiles,
  reader: BlobReader,
  layers: LayerIntake,
): Promise<readonly NewImage[]> {
  const unpack = (file: ArchiveFile) => toLayer(file, reader, layers);
  if (!files.has(DOCKER_MANIFEST) && !files.has(OCI_INDEX)) {
    if (files.has(LEGACY_NAMES)) return await readLegacyArchive({ files, reader, unpack });
    throw imageError('archive-invalid', {
      details: { problem: `the archive has neither ${DOCKER_MANIFEST} nor ${OCI_INDEX}` },
    });
  }
  const read = files.has(DOCKER_MANIFEST) ? readDockerArchive : readOciLayout;
  return await settleAll((await read(files, reader)).map((image) => toNewImage(image, unpack)));
}

async function toNewImage(
  image: ArchivedImage,
  unpack: (file: ArchiveFile) => Promise<ImageLayer>,
): Promise<NewImage> {
  const { os } = decodeImageConfig(image.config);
  if (os !== '' && os !== 'linux') throw imageError('archive-for-other-os', { details: { os } });
  return {
    configBytes: image.config,
    references: image.references,
    layers: await settleAll(image.layers.map(unpack)),
  };
}

async function toLayer(file: ArchiveFile, reader: BlobReader, layers: LayerIntake): Promise<ImageLayer> {
  return await layers.unpack(await reader.storeLayer(file));
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
