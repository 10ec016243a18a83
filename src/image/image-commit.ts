/** What a container changed becomes a layer on its image's. */
import { formatDate } from '#base/timestamps.ts';
import type { Digest } from '#oci/digest.ts';
import { encodeImageConfig, type ImageConfig, type ImageHistory } from '#oci/image-config.ts';
import { familiarReference, parseReference, type Reference, withDefaultTag } from '#oci/reference.ts';
import { imageError } from './image-errors.ts';
import { emitImageEvent } from './image-events.ts';
import { findImage } from './image-lookup.ts';
import type { ImageLayer, ImageRecord } from './image-record.ts';
import type { CommitRequest } from './image.ts';
import { storeLayerFile } from './layer-storage.ts';
import type { NewImageRoles } from './new-image-roles.ts';

/**
 * The new image's id. Durable when it resolves.
 *
 * @throws {EngineError} `no-such-image` if the parent is gone, `commit-by-digest`, `exhausted` for a full disk
 */
export async function commitImage(
  { table, storage, registrar, workingSets, emit }: NewImageRoles,
  request: CommitRequest,
): Promise<Digest> {
  const references = request.reference ? [targetOf(request.reference)] : [];
  const parent = findImage(table, request.parent);
  await using lease = workingSets.open();
  lease.protect(...parent.layers.flatMap(({ blob, diffId }) => [blob, diffId]));
  const { writeChanges, signal } = request;
  const layer = await storeLayerFile(storage, writeChanges, { lease, ...(signal && { signal }) });
  const layers = layer ? [...parent.layers, layer] : parent.layers;
  const configBytes = encodeImageConfig(configOf(request, parent, layer));
  const prepared = await registrar.prepare({ configBytes, layers, references, parent: parent.id }, lease);
  await registrar.register([prepared]);
  const { record } = prepared;
  for (const reference of references) emitImageEvent(emit, 'tag', record, familiarReference(reference));
  return record.id;
}

function targetOf(text: string): Reference {
  const reference = parseReference(text);
  if (reference.digest) throw imageError('commit-by-digest', { subject: text });
  return withDefaultTag(reference);
}

function configOf(request: CommitRequest, parent: ImageRecord, layer: ImageLayer | undefined): ImageConfig {
  const created = formatDate(Date.now());
  const { author, comment, containerId, createdBy, config } = request;
  const step: ImageHistory = {
    created,
    ...(author ? { author } : {}),
    ...(createdBy ? { created_by: createdBy } : {}),
    ...(comment ? { comment } : {}),
    ...(layer ? {} : { empty_layer: true }),
  };
  const { architecture, os, variant, rootfs, history } = parent.config;
  return {
    created,
    ...(author ? { author } : {}),
    architecture,
    ...(variant ? { variant } : {}),
    os,
    config,
    rootfs: { type: 'layers', diff_ids: layer ? [...rootfs.diff_ids, layer.diffId] : rootfs.diff_ids },
    history: [...history, step],
    ...(comment ? { comment } : {}),
    container: containerId,
    parent: parent.id,
  };
}
