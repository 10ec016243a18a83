import { createHash } from 'node:crypto';
import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { pipeline, Readable, type Transform } from 'node:stream';
import { constants, createGunzip, createZstdDecompress } from 'node:zlib';
import { discardBuffer } from '#base/discard-buffer.ts';
import { errnoOf } from '#base/errno.ts';
import { type EngineError, messageOf } from '#base/errors.ts';
import { type Digest, parseDigest } from '#oci/digest.ts';
import { BufferRing } from '#store/buffer-ring.ts';
import type { UnpackRequest } from './layer.ts';
import { layerError } from './layer-errors.ts';

const READ_BYTES = 256 * 1024;
const OUTPUT_BYTES = 512 * 1024;
/** Lets the decompressor, which has a pool thread of its own, run ahead of hashing and writing. */
const AHEAD_BYTES = 2 * OUTPUT_BYTES;
/** Decompression may need this much memory for its window and no more (zstd's own limit on the command line). */
const ZSTD_WINDOW_LOG_MAX = 27;

export interface InflateOptions {
  readonly source: Iterable<Buffer> | AsyncIterable<Buffer>;
  readonly compression: UnpackRequest['compression'];
  /** Where the uncompressed bytes go; stays the caller's. */
  readonly targetFd: number;
  readonly maximumBytes: number;
  readonly aborted: Int32Array;
}

/**
 * Decompresses a blob into a file, hashing what comes out, and stops at the limit: a small blob can hold terabytes.
 *
 * @throws {EngineError} `invalid` if the blob is damaged or too large
 */
export async function inflate(options: InflateOptions): Promise<Digest> {
  const hash = createHash('sha256');
  let total = 0;
  for await (const chunk of decompressed(options)) {
    total += chunk.length;
    if (total > options.maximumBytes) throw tooLarge(options.maximumBytes);
    throwIfAborted(options.aborted);
    hash.update(chunk);
    for (let at = 0; at < chunk.length; ) at += writeSync(options.targetFd, chunk, at);
    discardOutput(chunk);
  }
  return parseDigest(`sha256:${hash.digest('hex')}`);
}

export function throwIfAborted(aborted: Int32Array): void {
  if (Atomics.load(aborted, 0) !== 0)
    throw layerError('layer-work-given-up', { details: { action: 'unpack layer', problem: 'cancelled' } });
}

export function tooLarge(maximumBytes: number): EngineError {
  return layerError('unpacked-layer-too-large', { details: { maximumBytes } });
}

async function* decompressed({ source, compression }: InflateOptions): AsyncIterable<Buffer> {
  const plain = Readable.from(source, { objectMode: false, highWaterMark: READ_BYTES });
  const decompressor = decompressorFor(compression);
  const output = decompressor ? pipeline(plain, decompressor, () => undefined) : plain;
  try {
    yield* output as AsyncIterable<Buffer>;
  } catch (error) {
    throw damagedError(error);
  }
}

/** Blocks: for worker threads. */
export function* fileChunks(path: string): Generator<Buffer> {
  const fd = openSync(path, 'r');
  const ring = new BufferRing(READ_BYTES);
  try {
    for (;;) {
      const chunk = ring.next();
      const length = readSync(fd, chunk);
      if (length === 0) return;
      yield chunk.subarray(0, length);
    }
  } finally {
    closeSync(fd);
  }
}

/** A decompressor is done with a buffer once it is full. Stored blobs are read into buffers of their own. */
function discardOutput({ buffer, byteOffset, byteLength }: Buffer): void {
  if (buffer.byteLength === OUTPUT_BYTES && byteOffset + byteLength === OUTPUT_BYTES)
    discardBuffer(new Uint8Array(buffer));
}

/** The transform for a compression, undefined for none. */
export function decompressorFor(compression: UnpackRequest['compression']): Transform | undefined {
  const sizes = { chunkSize: OUTPUT_BYTES, readableHighWaterMark: AHEAD_BYTES };
  if (compression === 'gzip') return createGunzip(sizes);
  if (compression === 'none') return undefined;
  const params = { [constants.ZSTD_d_windowLogMax]: ZSTD_WINDOW_LOG_MAX };
  return createZstdDecompress({ ...sizes, params });
}

/** Turns an error of a decompressor into `tar-damaged` and passes everything else through. */
export function damagedError(error: unknown): unknown {
  const code = errnoOf(error);
  if (!/^(?:Z_|ZSTD_|ERR_ZSTD)/.test(code)) return error;
  const isCut = messageOf(error).includes('unexpected end');
  const problem = isCut ? 'unexpected EOF' : 'its compressed data is damaged';
  return layerError('tar-damaged', { details: { problem }, cause: error });
}
