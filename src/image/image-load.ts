/** Image archives become images. */
import type { Readable } from 'node:stream';
import { plainTar } from '#layer/plain-tar.ts';
import { decodeImageConfig } from '#oci/image-config.ts';
import { matchesPlatform, type Platform, platformText } from '#oci/platform.ts';
import { familiarReference } from '#oci/reference.ts';
import { BlobReader } from './archive-content.ts';
import { type ArchiveFile, type ArchiveFiles, cleanName } from './archive-files.ts';
import { ArchiveIntake, type ArrivedFile } from './archive-intake.ts';
import { type ArchivedImage, DOCKER_MANIFEST, readDockerArchive } from './docker-archive.ts';
import { imageError } from './image-errors.ts';
import { emitImageEvent } from './image-events.ts';
import type { LoadProgress } from './image-progress.ts';
import type { ImageLayer } from './image-record.ts';
import type { PreparedImage } from './image-registrar.ts';
import type { ImageTable } from './image-table.ts';
import type { LoadOptions } from './image.ts';
import { knownDiffIds } from './known-layers.ts';
import { LayerIntake } from './layer-intake.ts';
import { type ImageOfArchive, LEGACY_NAMES, readLegacyArchive } from './legacy-archive.ts';
import type { NewImageRoles } from './new-image-roles.ts';
import { namesIndexes, OCI_INDEX, readOciLayout } from './oci-layout.ts';
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
  { signal, platforms = [] }: LoadOptions,
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
  const unpack = (file: ArchiveFile) => toLayer(file, reader, layers);
  const images = await readImages({ files: intake.files, reader, unpack }, platforms);
  const loaded = await settleAll(images.map((image) => registrar.prepare(image, lease)));
  const renamed = renamings(loaded, table);
  await registrar.register(loaded);
  for (const { record } of loaded) emitImageEvent(emit, 'load', record, record.id);
  yield* renamed;
  for (const [index, { image, record }] of loaded.entries())
    if (!images[index]?.isPart)
      yield { kind: 'loaded', id: record.id, names: image.references.map(familiarReference) };
}

function arrivalOf({ path, sizeBytes }: ArrivedFile): LoadProgress {
  return { kind: 'arrived', file: cleanName(path).replace(/^blobs\/sha256\//, ''), sizeBytes };
}

interface ArchiveSources {
  readonly files: ArchiveFiles;
  readonly reader: BlobReader;
  readonly unpack: (file: ArchiveFile) => Promise<ImageLayer>;
}

/** Every image of the archive that is for one of the platforms, its layers unpacked. */
async function readImages(
  sources: ArchiveSources,
  platforms: readonly Platform[],
): Promise<readonly ImageOfArchive[]> {
  const { files, reader, unpack } = sources;
  const fits = fitsOneOf(platforms);
  const isLegacy = !files.has(DOCKER_MANIFEST) && !files.has(OCI_INDEX) && files.has(LEGACY_NAMES);
  const images = isLegacy
    ? (await readLegacyArchive(sources)).filter(({ configBytes }) => fits(configBytes))
    : await settleAll((await describeImages(files, reader, fits)).map((image) => toNewImage(image, unpack)));
  if (images.length > 0 || platforms.length === 0) return images;
  throw imageError('archive-lacks-platform', {
    details: { platforms: platforms.map(platformText).join(', ') },
  });
}

/** A layout tells of several platforms; `manifest.json` beside it has names that others write. */
async function describeImages(
  files: ArchiveFiles,
  reader: BlobReader,
  fits: (config: Buffer) => boolean,
): Promise<readonly ArchivedImage[]> {
  if (files.has(DOCKER_MANIFEST) && !(await namesIndexes(files, reader)))
    return (await readDockerArchive(files, reader)).filter(({ config }) => fits(config));
  if (files.has(OCI_INDEX)) return await readOciLayout(files, reader, fits);
  throw imageError('archive-invalid', {
    details: { problem: `the archive has neither ${DOCKER_MANIFEST} nor ${OCI_INDEX}` },
  });
}

function fitsOneOf(platforms: readonly Platform[]): (config: Buffer) => boolean {
  return (bytes) => {
    if (platforms.length === 0) return true;
    const { os, ...machine } = decodeImageConfig(bytes);
    return platforms.some((platform) => matchesPlatform({ ...machine, os: os || 'linux' }, platform));
  };
}

async function toNewImage(
  { config, layers, references, manifests, isOtherPlatform }: ArchivedImage,
  unpack: (file: ArchiveFile) => Promise<ImageLayer>,
): Promise<ImageOfArchive> {
  const { os } = decodeImageConfig(config);
  if (os !== '' && os !== 'linux') throw imageError('archive-for-other-os', { details: { os } });
  return {
    configBytes: config,
    references,
    layers: await settleAll(layers.map(unpack)),
    ...(manifests && { manifests }),
    ...(isOtherPlatform && references.length === 0 && { isPart: true }),
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
