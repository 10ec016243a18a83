/** One layer's blob from a registry into the content store, unpacked while it comes where there is a core for it. */
import { discardBuffer } from '#base/discard-buffer.ts';
import { type EngineError, isEngineError } from '#base/errors.ts';
import type { Layer, LayerStore } from '#layer/layer.ts';
import type { Descriptor } from '#oci/descriptor.ts';
import type { LayerCompression } from '#oci/media-types.ts';
import { downloadBlob } from '#registry/download.ts';
import type { Repository } from '#registry/registry.ts';
import type { RetryPolicy } from '#registry/retry.ts';
import type { ArrivingFile, ContentStore, Lease } from '#store/content.ts';
import { imageError } from './image-errors.ts';
import type { LayerProgress } from './layer-progress.ts';

export interface LayerSource {
  /** The registry, for as long as the signal says: other pulls may want the layer when the first has left. */
  readonly open: (signal: AbortSignal) => Repository;
  readonly descriptor: Pick<Descriptor, 'digest' | 'size'>;
  readonly compression: LayerCompression;
}

export interface DownloadContext {
  readonly content: ContentStore;
  readonly layers: LayerStore;
  readonly retry: RetryPolicy;
  readonly lease: Lease;
  readonly progress: LayerProgress;
  readonly signal: AbortSignal;
  /** Whether to unpack meanwhile. */
  readonly isFollowed: boolean;
}

/** The blob is there. */
export interface Downloaded {
  /** The layer in the making, where it was followed. */
  readonly unpacking?: Promise<Layer>;
}

/**
 * What came is kept when this fails, and continued by the next; unless it turns out wrong, when it is fetched anew.
 *
 * @throws {EngineError} `pulled-layer-damaged` if the bytes are not what the digest says; what `registry.ts` says
 */
export async function downloadLayer(source: LayerSource, context: DownloadContext): Promise<Downloaded> {
  const first = await attempt(source, context);
  if (!('error' in first)) return first;
  // The beginning was left by an earlier attempt, perhaps before a power loss.
  const second = first.wasResumed ? await attempt(source, context) : first;
  if ('error' in second) throw second.error;
  return second;
}

interface Damaged {
  readonly error: EngineError;
  readonly wasResumed: boolean;
}

async function attempt(
  { open, descriptor, compression }: LayerSource,
  context: DownloadContext,
): Promise<Downloaded | Damaged> {
  const { content, retry, lease, progress, signal } = context;
  const { digest, size } = descriptor;
  let following: Following | undefined;
  // Last of all: the reader ends after the writer.
  await using _ = { [Symbol.asyncDispose]: async () => await following?.settledUnlessDone() };
  const options = { resumable: true, maximumBytes: size, lease, signal, followed: context.isFollowed };
  await using writer = await content.openWriter(`blob ${digest}`, options);
  const { offset, arriving } = writer;
  if (arriving) following = new Following(context, { descriptor, compression, arriving });
  const repository = open(signal);
  for await (const chunk of downloadBlob({ repository, descriptor, offset, retry, signal })) {
    await writer.write(chunk);
    discardBuffer(chunk);
    progress.bytes('downloading', writer.offset, size);
  }
  progress.step('verifying');
  try {
    await writer.commit({ sizeBytes: size, digest });
  } catch (cause) {
    if (!isEngineError(cause, 'invalid')) throw cause;
    return {
      error: imageError('pulled-layer-damaged', { details: { digest }, cause }),
      wasResumed: offset > 0,
    };
  }
  return following ? { unpacking: following.done() } : {};
}

/** A layer that is unpacked while its blob comes; visible only when the blob is. */
class Following {
  readonly #unpacking: Promise<Layer>;
  readonly #committed = Promise.withResolvers<void>();
  #isDone = false;

  constructor(
    { layers, signal }: DownloadContext,
    { descriptor, compression, arriving }: Omit<LayerSource, 'open'> & { readonly arriving: ArrivingFile },
  ) {
    const committed = this.#committed.promise;
    committed.catch(() => undefined);
    const { digest: blob, size: sizeBytes } = descriptor;
    const whole = { ...arriving, sizeBytes, committed };
    this.#unpacking = layers.unpack({ blob, compression, arriving: whole, signal });
    // Whether the bytes are to blame is known only when all have come and been hashed.
    this.#unpacking.catch(() => undefined);
  }

  done(): Promise<Layer> {
    this.#isDone = true;
    this.#committed.resolve();
    return this.#unpacking;
  }

  async settledUnlessDone(): Promise<void> {
    if (this.#isDone) return;
    this.#committed.reject(imageError('blob-given-up'));
    await Promise.allSettled([this.#unpacking]);
  }
}
