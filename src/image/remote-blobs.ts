/** Single blobs of registries, for those who know what they want. */
import { createHash } from 'node:crypto';
import { EngineError } from '#base/errors.ts';
import type { Descriptor } from '#oci/descriptor.ts';
import type { Digest } from '#oci/digest.ts';
import { downloadBlob } from '#registry/download.ts';
import type { Repository } from '#registry/registry.ts';
import type { ImageParts } from './image-parts.ts';
import type { ImageLayer } from './image-record.ts';
import type { LayerSource } from './layer-download.ts';

/** The whole blob in memory: small ones only. @throws {EngineError} `invalid` for wrong bytes; what `registry.ts` says */
export async function readRemoteBlob(
  { registryRetry: retry }: ImageParts,
  repository: Repository,
  descriptor: Pick<Descriptor, 'digest' | 'size'>,
): Promise<Buffer> {
  const bytes = Buffer.concat(
    await Array.fromAsync(downloadBlob({ repository, descriptor, offset: 0, retry })),
  );
  if (`sha256:${createHash('sha256').update(bytes).digest('hex')}` === descriptor.digest) return bytes;
  throw new EngineError('invalid', `Cannot read blob ${descriptor.digest}: its content is another`);
}

/**
 * A layer, unpacked. The caller's lease must protect its blob and its diff ID.
 *
 * @throws {EngineError} `invalid` for wrong bytes; what `registry.ts` says
 */
export async function fetchLayer(
  { downloads }: ImageParts,
  source: LayerSource,
  diffId: Digest,
  signal: AbortSignal,
): Promise<ImageLayer> {
  const layer = await downloads.fetch(source, () => undefined, signal);
  if (layer.diffId === diffId) return layer;
  throw new EngineError(
    'invalid',
    `Cannot use layer ${source.descriptor.digest}: its diff ID is ${layer.diffId}, not ${diffId}`,
  );
}
