/** Layers that are made here: a tar of changes becomes a blob and a layer. */
import type { Readable } from 'node:stream';
import type { LayerStore, UnpackRequest } from '#layer/layer.ts';
import { type Digest, parseDigest } from '#oci/digest.ts';
import { newProgress } from '#store/arriving-file.ts';
import type { BlobInfo, ContentStore, Lease } from '#store/content.ts';
import { imageError } from './image-errors.ts';
import type { ImageLayer } from './image-record.ts';

/** The tar without members: a step that changed no files has no layer. */
const EMPTY_LAYER = parseDigest('sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef');

export interface LayerStorage {
  readonly content: ContentStore;
  readonly layers: LayerStore;
  /** Refuse larger blobs and layers. */
  readonly maximumLayerBytes: number;
}

export interface StoreOptions {
  readonly lease: Lease;
  readonly signal?: AbortSignal;
}

let lastStored = 0;

/**
 * Undefined if nothing was changed.
 *
 * @throws {EngineError} `invalid` for what is too large, `exhausted` for a full disk
 */
export async function storeLayer(
  { content, layers, maximumLayerBytes: maximumBytes }: LayerStorage,
  changes: Readable,
  { lease, signal }: StoreOptions,
): Promise<ImageLayer | undefined> {
  const aborting = signal ? { signal } : undefined;
  const options = { lease, maximumBytes, ...aborting };
  await using writer = await content.openWriter(`commit-${++lastStored}`, options);
  for await (const chunk of changes as AsyncIterable<Buffer>) await writer.write(chunk);
  const { digest } = await writer.commit();
  return await unpackPlain(layers, digest, { lease, ...aborting });
}

/** The same, of a tar that another thread writes into a file. The layer is made of it while the disk takes it. */
export async function storeLayerFile(
  { content, layers, maximumLayerBytes: maximumBytes }: LayerStorage,
  fill: (path: string) => Promise<BlobInfo>,
  { lease, signal }: StoreOptions,
): Promise<ImageLayer | undefined> {
  layers.expect();
  let unpacking: Promise<ImageLayer | undefined> | undefined;
  const committed = content.putFile(
    `commit-${++lastStored}`,
    async (path) => {
      const info = await fill(path);
      const { digest, sizeBytes } = info;
      if (sizeBytes > maximumBytes) throw imageError('layer-too-large', { details: { maximumBytes } });
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
  layers: LayerStore,
  digest: Digest,
  { lease, signal, arriving }: StoreOptions & Pick<UnpackRequest, 'arriving'>,
): Promise<ImageLayer | undefined> {
  if (digest === EMPTY_LAYER) return undefined;
  const options = { ...(arriving && { arriving }), ...(signal && { signal }) };
  const { diffId } = await layers.unpack({ blob: digest, compression: 'none', ...options });
  lease.protect(diffId);
  return { diffId, blob: digest, compression: 'none' };
}
