/** A root file system becomes an image of one layer. */
import { formatDate } from '#base/timestamps.ts';
import type { Digest } from '#oci/digest.ts';
import { encodeImageConfig, type ImageConfig } from '#oci/image-config.ts';
import type { ImageDefaults } from '#oci/image-defaults.ts';
import { hostPlatform, parsePlatform } from '#oci/platform.ts';
import { familiarReference, parseReference, type Reference, withDefaultTag } from '#oci/reference.ts';
import type { BlobInfo, Lease } from '#store/content.ts';
import { applyChanges } from '#dockerfile/apply-changes.ts';
import { verifiedTar } from '#layer/plain-tar.ts';
import { imageError } from './image-errors.ts';
import { emitImageEvent } from './image-events.ts';
import type { ImageLayer } from './image-record.ts';
import type { ImportRequest } from './image.ts';
import { knownDiffIds } from './known-layers.ts';
import { LayerIntake } from './layer-intake.ts';
import type { LayerStorage } from './layer-storage.ts';
import type { NewImageRoles } from './new-image-roles.ts';

/**
 * The image's id. Durable when it resolves.
 *
 * @throws {EngineError} `archive-…`, `import-by-digest`, `invalid` for a change, `exhausted` for a full disk
 */
export async function importImage(roles: NewImageRoles, request: ImportRequest): Promise<Digest> {
  const references = request.reference ? [targetOf(request.reference)] : [];
  const defaults = applyChanges({}, request.changes ?? []);
  const platform = request.platform ? parsePlatform(request.platform) : hostPlatform();
  const { registrar, workingSets, emit } = roles;
  await using lease = workingSets.open();
  const layer = await importLayer(roles, request, lease);
  const config = configOf(request, defaults, layer.diffId);
  const configBytes = encodeImageConfig({ ...config, ...platform });
  const prepared = await registrar.prepare({ configBytes, layers: [layer], references }, lease);
  await registrar.register([prepared]);
  const { record } = prepared;
  for (const reference of references) emitImageEvent(emit, 'tag', record, familiarReference(reference));
  emitImageEvent(emit, 'import', record, record.id);
  return record.id;
}

function targetOf(text: string): Reference {
  const reference = parseReference(text);
  if (reference.digest) throw imageError('import-by-digest', { subject: text });
  return withDefaultTag(reference);
}

async function importLayer(
  { table, storage }: NewImageRoles,
  request: ImportRequest,
  lease: Lease,
): Promise<ImageLayer> {
  const { signal } = request;
  const { digest: blob } = await storeArchive(storage, request, lease);
  const layers = new LayerIntake({
    layers: storage.layers,
    lease,
    knownDiffId: knownDiffIds(table),
    ...(signal && { signal }),
  });
  return await layers.unpack({ blob, compression: 'none' });
}

let lastImport = 0;

/** The archive without its compression is the layer's blob. */
async function storeArchive(
  { content, maximumLayerBytes: maximumBytes }: LayerStorage,
  { archive, signal }: ImportRequest,
  lease: Lease,
): Promise<BlobInfo> {
  using _ = { [Symbol.dispose]: () => archive.destroy() };
  await using writer = await content.openWriter(`import-${++lastImport}`, {
    lease,
    maximumBytes,
    ...(signal ? { signal } : undefined),
  });
  for await (const chunk of verifiedTar(archive)) await writer.write(chunk);
  return await writer.commit();
}

function configOf(
  { message, origin = '-' }: ImportRequest,
  config: ImageDefaults,
  diffId: Digest,
): Omit<ImageConfig, 'os' | 'architecture'> {
  const created = formatDate(Date.now());
  const comment = message || `Imported from ${origin}`;
  return {
    created,
    config,
    rootfs: { type: 'layers', diff_ids: [diffId] },
    history: [{ created, comment }],
    comment,
  };
}
