/**
 * Gzip whose bytes depend on nothing but the input: blocks of a fixed size, each primed with the end of the one before
 * (as pigz does), so that all cores work on one stream and the result is one ordinary gzip member (RFC 1952).
 *
 * The blocks are compressed by Node's thread pool, not on the event loop.
 */
import { availableParallelism } from 'node:os';
import { constants, crc32, deflateRaw } from 'node:zlib';
import { Semaphore } from '#base/semaphore.ts';

const BLOCK_BYTES = 1024 * 1024;
const WINDOW_BYTES = 32 * 1024;
const LEVEL = 6;
/** No time, no name, unknown system: nothing that differs from run to run. */
const HEADER = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]);

/** Shared by everything that is compressed at the same time: more would take the event loop's core. */
const cores = new Semaphore(availableParallelism());

export async function* deterministicGzip(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void> {
  yield HEADER;
  const running: Promise<Buffer>[] = [];
  let checksum = 0;
  let lengthBytes = 0;
  for await (const { block, before, isLast } of blocksOf(source)) {
    checksum = crc32(block, checksum);
    lengthBytes += block.length;
    const work = compress(block, before, isLast);
    // It is awaited in its turn.
    work.catch(() => undefined);
    running.push(work);
    const oldest = running.length > availableParallelism() ? running.shift() : undefined;
    if (oldest) yield await oldest;
  }
  for (const work of running) yield await work;
  const trailer = Buffer.alloc(8);
  trailer.writeUInt32LE(checksum, 0);
  trailer.writeUInt32LE(lengthBytes % 2 ** 32, 4);
  yield trailer;
}

interface Block {
  readonly block: Buffer;
  /** What the decompressor has seen right before. */
  readonly before: Buffer;
  readonly isLast: boolean;
}

async function* blocksOf(source: AsyncIterable<Buffer>): AsyncGenerator<Block, void> {
  let filling = Buffer.allocUnsafe(BLOCK_BYTES);
  let filled = 0;
  let before: Buffer = Buffer.alloc(0);
  for await (const chunk of source) {
    for (let at = 0; at < chunk.length; ) {
      if (filled === BLOCK_BYTES) {
        yield { block: filling, before, isLast: false };
        before = filling.subarray(BLOCK_BYTES - WINDOW_BYTES);
        filling = Buffer.allocUnsafe(BLOCK_BYTES);
        filled = 0;
      }
      const copied = chunk.copy(filling, filled, at);
      filled += copied;
      at += copied;
    }
  }
  yield { block: filling.subarray(0, filled), before, isLast: true };
}

async function compress(block: Buffer, before: Buffer, isLast: boolean): Promise<Buffer> {
  using _core = await cores.acquire();
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const options = {
    level: LEVEL,
    chunkSize: BLOCK_BYTES + BLOCK_BYTES / 8,
    // A flush ends on a byte, so that the next block's bytes follow.
    finishFlush: isLast ? constants.Z_FINISH : constants.Z_SYNC_FLUSH,
    ...(before.length > 0 ? { dictionary: before } : {}),
  };
  deflateRaw(block, options, (error, result) => (error ? reject(error) : resolve(result)));
  return await promise;
}
