/** Single blobs of registries. */
import { createHash } from 'node:crypto';
import type { Descriptor } from '#oci/descriptor.ts';
import type { Digest } from '#oci/digest.ts';
import { downloadBlob } from '#registry/download.ts';
import type { Repository } from '#registry/registry.ts';
import type { RetryPolicy } from '#registry/retry.ts';
import { imageError } from './image-errors.ts';
import type { ImageLayer } from './image-record.ts';
import type { LayerSource } from './layer-download.ts';
import type { LayerDownloads } from './layer-downloads.ts';

/** The whole blob in memory: small ones only. @throws {EngineError} `remote-blob-damaged`; what `registry.ts` says */
export async function readRemoteBlob(
  retry: RetryPolicy,
  repository: Repository,
  descriptor: Pick<Descriptor, 'digest' | 'size'>,
): Promise<Buffer> {
  const bytes = Buffer.concat(
    await Array.fromAsync(downloadBlob({ repository, descriptor, offset: 0, retry })),
  );
  if (`sha256:${createHash('sha256').update(bytes).digest('hex')}` === descriptor.digest) return bytes;
  throw imageError('remote-blob-damaged', { details: { digest: descriptor.digest } });
}

/**
 * A layer, unpacked. The caller's lease must protect its blob and its diff ID.
 *
 * @throws {EngineError} `pulled-layer-damaged`, `layer-not-as-configured`; what `registry.ts` says
 */
export async function fetchLayer(
  downloads: LayerDownloads,
  source: LayerSource,
  diffId: Digest,
  signal: AbortSignal,
): Promise<ImageLayer> {
  const layer = await downloads.fetch(source, () => undefined, signal);
  if (layer.diffId === diffId) return layer;
  const { digest } = source.descriptor;
  throw imageError('layer-not-as-configured', {
    details: { digest, actual: layer.diffId, expected: diffId },
  });
}
