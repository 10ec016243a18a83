import { pipeline, Readable } from 'node:stream';
import { COMPRESSION_MAGIC_BYTES, type CompressionFormat, detectCompression } from '#oci/compression.ts';
import { TarParser } from '#oci/tar-reader.ts';
import { damagedError, decompressorFor } from './inflate.ts';
import { decompressOutside, isOutsideFormat } from './outside-decompressor.ts';

/**
 * The chunks of an archive that may be compressed, without the compression. The stream is not destroyed when the
 * reader leaves early.
 *
 * @throws {EngineError} `invalid` for damaged data; `unavailable` where the program that takes a compression off is not
 *   installed
 */
export async function* plainTar(stream: Readable): AsyncGenerator<Buffer, void> {
  const chunks = stream.iterator({ destroyOnReturn: false });
  const head = await readHead(chunks);
  const format = detectCompression(head);
  const whole = following(head, chunks);
  try {
    yield* await decompressed(whole, format);
  } catch (error) {
    throw damagedError(error);
  }
}

/**
 * The same of an archive that is unpacked later: damage is found as it comes, not when all of it is here. Whether its
 * end is there is seen by what unpacks it.
 *
 * @throws {EngineError} `invalid`
 */
export async function* verifiedTar(stream: Readable): AsyncGenerator<Buffer, void> {
  const parser = new TarParser();
  for await (const chunk of plainTar(stream)) {
    parser.push(chunk);
    while (parser.next());
    yield chunk;
  }
}

async function decompressed(
  whole: AsyncIterable<Buffer>,
  format: CompressionFormat,
): Promise<AsyncIterable<Buffer>> {
  const source = () => Readable.from(whole, { objectMode: false });
  if (isOutsideFormat(format)) return await decompressOutside(source(), format);
  const decompressor = decompressorFor(format);
  return decompressor ? pipeline(source(), decompressor, () => undefined) : whole;
}

async function readHead(chunks: AsyncIterator<unknown>): Promise<Buffer> {
  let head: Buffer = Buffer.alloc(0);
  while (head.length < COMPRESSION_MAGIC_BYTES) {
    const next = await chunks.next();
    if (next.done) break;
    head = Buffer.concat([head, toBuffer(next.value)]);
  }
  return head;
}

async function* following(head: Buffer, chunks: AsyncIterator<unknown>): AsyncGenerator<Buffer, void> {
  try {
    yield head;
    for (let next = await chunks.next(); !next.done; next = await chunks.next()) yield toBuffer(next.value);
  } finally {
    await chunks.return?.();
  }
}

/** What callers of the library give may be no buffers. */
function toBuffer(chunk: unknown): Buffer {
  if (Buffer.isBuffer(chunk)) return chunk;
  if (chunk instanceof Uint8Array) return Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  return Buffer.from(String(chunk));
}
