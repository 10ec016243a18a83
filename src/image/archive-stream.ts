/** Archives as they come in: plain, or compressed as a whole. */
import { Readable, type Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import type { EngineError } from '#base/errors.ts';
import { COMPRESSION_MAGIC_BYTES } from '#oci/compression.ts';
import type { LayerCompression } from '#oci/media-types.ts';
import { layerCompression } from './archive-intake.ts';
import { imageError } from './image-errors.ts';

const OUTPUT_BYTES = 256 * 1024;

/**
 * The archive's bytes, decompressed.
 *
 * @throws {EngineError} `archive-unreadable` for formats other than gzip and zstd, and for damaged data
 */
export async function* decompressed(archive: Readable): AsyncGenerator<Buffer, void> {
  const source = chunksOf(archive);
  const head = await peek(source);
  const plain = prepend(head, source);
  const decompressor = decompressorFor(layerCompression(head));
  if (!decompressor) {
    yield* plain;
    return;
  }
  const done = pipeline(Readable.from(plain, { objectMode: false }), decompressor);
  done.catch(() => undefined);
  try {
    yield* chunksOf(decompressor);
    await done;
  } catch (error) {
    throw isZlibError(error) ? damaged(error) : error;
  }
}

/** Chunks with the engine's word for what they are. */
export async function* chunksOf(stream: Readable): AsyncGenerator<Buffer, void> {
  for await (const chunk of stream) yield toBuffer(chunk);
}

function toBuffer(chunk: unknown): Buffer {
  if (Buffer.isBuffer(chunk)) return chunk;
  if (chunk instanceof Uint8Array) return Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  return Buffer.from(String(chunk));
}

/** Enough of the start to tell what it is. */
async function peek(source: AsyncGenerator<Buffer, void>): Promise<Buffer> {
  let head: Buffer = Buffer.alloc(0);
  while (head.length < COMPRESSION_MAGIC_BYTES) {
    const { value, done } = await source.next();
    if (done || !value) break;
    head = head.length === 0 ? value : Buffer.concat([head, value]);
  }
  return head;
}

async function* prepend(head: Buffer, source: AsyncGenerator<Buffer, void>): AsyncGenerator<Buffer, void> {
  if (head.length > 0) yield head;
  yield* source;
}

function decompressorFor(compression: LayerCompression): Transform | undefined {
  if (compression === 'gzip') return createGunzip({ chunkSize: OUTPUT_BYTES });
  return compression === 'zstd' ? createZstdDecompress({ chunkSize: OUTPUT_BYTES }) : undefined;
}

function isZlibError(error: unknown): error is Error {
  return error instanceof Error && 'code' in error && /^(Z_|ZSTD_)/.test(String(error.code));
}

function damaged(error: Error): EngineError {
  return imageError('archive-unreadable', { details: { problem: error.message }, cause: error });
}
