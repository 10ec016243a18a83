/** `POST /commit`: what a container changed becomes a layer on its image's. */
import type { Readable } from 'node:stream';
import { EngineError } from '#base/errors.ts';
import type { Digest } from '#oci/digest.ts';
import { encodeImageConfig, type ImageConfig, type ImageHistory } from '#oci/image-config.ts';
import { parseDigest } from '#oci/digest.ts';
import { familiarReference, parseReference, type Reference, withDefaultTag } from '#oci/reference.ts';
import type { UnpackRequest } from '#layer/layer.ts';
import { newProgress } from '#store/arriving-file.ts';
import type { BlobInfo, Lease } from '#store/content.ts';
import { formatDate } from '#base/timestamps.ts';
import { chunksOf } from './archive-stream.ts';
import { emitImageEvent } from './image-events.ts';
import { findImage } from './image-lookup.ts';
import { type ImageParts, WorkingSet } from './image-parts.ts';
import type { ImageLayer, ImageRecord } from './image-record.ts';
import { prepareImage, registerImages } from './image-register.ts';
import type { CommitRequest } from './image.ts';

/** The tar without members: a step that changed no files has no layer. */
const EMPTY_LAYER = parseDigest('sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef');

let lastCommit = 0;

/**
 * The new image's id. Durable when it resolves.
 *
 * @throws {EngineError} `not-found` if the parent is gone, `invalid` for the reference, `exhausted` for a full disk
 */
export async function commitImage(parts: ImageParts, request: CommitRequest): Promise<Digest> {
  const references = request.reference ? [targetOf(request.reference)] : [];
  const parent = findImage(parts.table, request.parent);
  await using work = new WorkingSet(parts);
  work.lease.protect(...parent.layers.flatMap(({ blob, diffId }) => [blob, diffId]));
  const { changes, signal } = request;
  const layer = await storeLayer(parts, changes, { lease: work.lease, ...(signal && { signal }) });
  const layers = layer ? [...parent.layers, layer] : parent.layers;
  const configBytes = encodeImageConfig(configOf(request, parent, layer));
  const image = { configBytes, layers, references, parent: parent.id };
  const record = await prepareImage(image, parts, work.lease);
  await registerImages([{ image, record }], parts);
  for (const reference of references) emitImageEvent(parts.emit, 'tag', record, familiarReference(reference));
  return record.id;
}

function targetOf(text: string): Reference {
  const reference = parseReference(text);
  if (reference.digest) throw new EngineError('invalid', 'cannot commit to digest reference');
  return withDefaultTag(reference);
}

interface StoreOptions {
  readonly lease: Lease;
  readonly signal?: AbortSignal;
}

/** Undefined if nothing was changed. */
export async function storeLayer(
  { content, layers, maximumLayerBytes: maximumBytes }: ImageParts,
  changes: Readable,
  { lease, signal }: StoreOptions,
): Promise<ImageLayer | undefined> {
  const aborting = signal ? { signal } : undefined;
  const options = { lease, maximumBytes, ...aborting };
  await using writer = await content.openWriter(`commit-${++lastCommit}`, options);
  for await (const chunk of chunksOf(changes)) await writer.write(chunk);
  const { digest } = await writer.commit();
  return await unpackPlain(layers, digest, { lease, ...aborting });
}

/** The same, of a tar that another thread writes into a file. The layer is made of it while the disk takes it. */
export async function storeLayerFile(
  { content, layers, maximumLayerBytes }: ImageParts,
  fill: (path: string) => Promise<BlobInfo>,
  { lease, signal }: StoreOptions,
): Promise<ImageLayer | undefined> {
  layers.expect();
  let unpacking: Promise<ImageLayer | undefined> | undefined;
  const committed = content.putFile(
    `commit-${++lastCommit}`,
    async (path) => {
      const info = await fill(path);
      const { digest, sizeBytes } = info;
      if (sizeBytes > maximumLayerBytes)
        throw new EngineError('invalid', `Cannot store layer: larger than ${maximumLayerBytes} bytes`);
      const arriving = { path, progress: newProgress(sizeBytes), sizeBytes, committed };
      unpacking = unpackPlain(layers, digest, { lease, arriving, ...(signal && { signal }) });
      // It is waited for below, after what may fail before.
      unpacking.catch(() => undefined);
      return info;
    },
    lease,
  );
  try {
    await committed;
  } catch (error) {
    await Promise.allSettled([unpacking]);
    throw error;
  }
  return await unpacking;
}

async function unpackPlain(
  layers: ImageParts['layers'],
  digest: Digest,
  { lease, signal, arriving }: StoreOptions & Pick<UnpackRequest, 'arriving'>,
): Promise<ImageLayer | undefined> {
  if (digest === EMPTY_LAYER) return undefined;
  const options = { ...(arriving && { arriving }), ...(signal && { signal }) };
  const { diffId } = await layers.unpack({ blob: digest, compression: 'none', ...options });
  lease.protect(diffId);
  return { diffId, blob: digest, compression: 'none' };
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
