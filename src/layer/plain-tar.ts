import { pipeline, Readable } from 'node:stream';
import { EngineError } from '#base/errors.ts';
import { COMPRESSION_MAGIC_BYTES, detectCompression } from '#oci/compression.ts';
import { damagedError, decompressorFor } from './inflate.ts';

/**
 * The chunks of an archive that may be compressed, without the compression. The stream is not destroyed when the
 * reader leaves early.
 *
 * @throws {EngineError} `invalid` for compressions that are not supported and for damaged data
 */
export async function* plainTar(stream: Readable): AsyncGenerator<Buffer, void> {
  const chunks: AsyncIterator<Buffer> = stream.iterator({ destroyOnReturn: false });
  const head = await readHead(chunks);
  const format = detectCompression(head);
  if (format === 'xz' || format === 'bzip2') {
    throw new EngineError('invalid', `Cannot read tar archive: ${format} is not supported`);
  }
  const decompressor = decompressorFor(format);
  const whole = following(head, chunks);
  const plain = decompressor
    ? pipeline(Readable.from(whole, { objectMode: false }), decompressor, () => undefined)
    : whole;
  try {
    yield* plain;
  } catch (error) {
    throw damagedError(error);
  }
}

async function readHead(chunks: AsyncIterator<Buffer>): Promise<Buffer> {
  let head: Buffer = Buffer.alloc(0);
  while (head.length < COMPRESSION_MAGIC_BYTES) {
    const next = await chunks.next();
    if (next.done) break;
    head = Buffer.concat([head, next.value]);
  }
  return head;
}

async function* following(head: Buffer, chunks: AsyncIterator<Buffer>): AsyncGenerator<Buffer, void> {
  try {
    yield head;
    for (let next = await chunks.next(); !next.done; next = await chunks.next()) yield next.value;
  } finally {
    await chunks.return?.();
  }
}
