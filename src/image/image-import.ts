/** `POST /images/create?fromSrc=-`: a root file system becomes an image of one layer. */
import { EngineError } from '#base/errors.ts';
import type { Digest } from '#oci/digest.ts';
import { encodeImageConfig, type ImageConfig } from '#oci/image-config.ts';
import type { ImageDefaults } from '#oci/image-defaults.ts';
import type { LayerCompression } from '#oci/media-types.ts';
import { hostPlatform, parsePlatform } from '#oci/platform.ts';
import { familiarReference, parseReference, type Reference, withDefaultTag } from '#oci/reference.ts';
import type { BlobInfo, Lease } from '#store/content.ts';
import { formatDate } from '#base/timestamps.ts';
import { layerCompression } from './archive-intake.ts';
import { chunksOf } from './archive-stream.ts';
import { applyChanges } from '#dockerfile/apply-changes.ts';
import { emitImageEvent } from './image-events.ts';
import { type ImageParts, knownDiffIds, WorkingSet } from './image-parts.ts';
import { prepareImage, registerImages } from './image-register.ts';
import type { ImportRequest } from './image.ts';
import { LayerIntake } from './layer-intake.ts';

/**
 * The image's id. Durable when it resolves.
 *
 * @throws {EngineError} `invalid` for a malformed archive, reference or change, `exhausted` for a full disk
 */
export async function importImage(parts: ImageParts, request: ImportRequest): Promise<Digest> {
  const references = request.reference ? [targetOf(request.reference)] : [];
  const defaults = applyChanges({}, request.changes ?? []);
  const platform = request.platform ? parsePlatform(request.platform) : hostPlatform();
  await using work = new WorkingSet(parts);
  const layer = await importLayer(parts, request, work.lease);
  const config = configOf(request, defaults, layer.diffId);
  const configBytes = encodeImageConfig({ ...config, ...platform });
  const image = { configBytes, layers: [layer], references };
  const record = await prepareImage(image, parts, work.lease);
  await registerImages([{ image, record }], parts);
  for (const reference of references) emitImageEvent(parts.emit, 'tag', record, familiarReference(reference));
  emitImageEvent(parts.emit, 'import', record, record.id);
  return record.id;
}

function targetOf(text: string): Reference {
  const reference = parseReference(text);
  if (reference.digest) throw new EngineError('invalid', 'cannot import digest reference');
  return withDefaultTag(reference);
}

async function importLayer(parts: ImageParts, request: ImportRequest, lease: Lease) {
  const { signal } = request;
  const aborting = signal ? { signal } : undefined;
  const { blob, compression } = await storeArchive(parts, request, lease);
  const layers = new LayerIntake({
    layers: parts.layers,
    lease,
    knownDiffId: knownDiffIds(parts.table),
    ...aborting,
  });
  return await layers.unpack({ blob: blob.digest, compression });
}

let lastImport = 0;

/** The archive as it comes is the layer's blob. */
async function storeArchive(
  { content, maximumLayerBytes: maximumBytes }: ImageParts,
  { archive, signal }: ImportRequest,
  lease: Lease,
): Promise<{ readonly blob: BlobInfo; readonly compression: LayerCompression }> {
  await using writer = await content.openWriter(`import-${++lastImport}`, {
    lease,
    maximumBytes,
    ...(signal ? { signal } : undefined),
  });
  let head: Buffer = Buffer.alloc(0);
  for await (const chunk of chunksOf(archive)) {
    if (head.length < 512) head = Buffer.concat([head, chunk.subarray(0, 512)]);
    await writer.write(chunk);
  }
  if (head.length === 0) throw new EngineError('invalid', 'Cannot import archive: it is empty');
  const compression = layerCompression(head);
  return { blob: await writer.commit(), compression };
}

function configOf(
  { message }: ImportRequest,
  config: ImageDefaults,
  diffId: Digest,
): Omit<ImageConfig, 'os' | 'architecture'> {
  const created = formatDate(Date.now());
  const comment = message || 'Imported from -';
  return {
    created,
    config,
    rootfs: { type: 'layers', diff_ids: [diffId] },
    history: [{ created, comment }],
    comment,
  };
}
