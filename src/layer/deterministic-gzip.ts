/**
 * Gzip whose bytes depend on nothing but the input: blocks of a fixed size, each primed with the end of the one before
 * (as pigz does), so that all cores work on one stream and the result is one ordinary gzip member (RFC 1952).
 */
import { availableParallelism } from 'node:os';
import { crc32 } from 'node:zlib';
import type { DeflateJob } from './deflate-block.ts';

const BLOCK_BYTES = 1024 * 1024;
const WINDOW_BYTES = 32 * 1024;
/** No time, no name, unknown system: nothing that differs from run to run. */
const HEADER = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]);
/** Blocks that are made ahead of the one that is waited for. */
const AHEAD = availableParallelism() + 1;

/** @param deflate makes a block of the stream, on another thread; the job's memory is its own */
export async function* deterministicGzip(
  source: AsyncIterable<Buffer>,
  deflate: (job: DeflateJob) => Promise<Uint8Array>,
): AsyncGenerator<Buffer, void> {
  yield HEADER;
  const running: Promise<Uint8Array>[] = [];
  let checksum = 0;
  let lengthBytes = 0;
  for await (const job of blocksOf(source)) {
    checksum = crc32(job.block, checksum);
    lengthBytes += job.block.length;
    const work = deflate(job);
    // It is awaited in its turn.
    work.catch(() => undefined);
    running.push(work);
    const oldest = running.length > AHEAD ? running.shift() : undefined;
    if (oldest) yield asBuffer(await oldest);
  }
  for (const work of running) yield asBuffer(await work);
  yield trailerOf(checksum, lengthBytes);
}

function trailerOf(checksum: number, lengthBytes: number): Buffer {
  const trailer = Buffer.alloc(8);
  trailer.writeUInt32LE(checksum, 0);
  trailer.writeUInt32LE(lengthBytes % 2 ** 32, 4);
  return trailer;
}

function asBuffer({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}

async function* blocksOf(source: AsyncIterable<Buffer>): AsyncGenerator<DeflateJob, void> {
  let filling = Buffer.allocUnsafeSlow(BLOCK_BYTES);
  let filled = 0;
  let before: Uint8Array = new Uint8Array(0);
  for await (const chunk of source) {
    for (let at = 0; at < chunk.length; ) {
      if (filled === BLOCK_BYTES) {
        const end = new Uint8Array(filling.subarray(BLOCK_BYTES - WINDOW_BYTES));
        yield { block: filling, before, isLast: false };
        before = end;
        filling = Buffer.allocUnsafeSlow(BLOCK_BYTES);
        filled = 0;
      }
      const copied = chunk.copy(filling, filled, at);
      filled += copied;
      at += copied;
    }
  }
  yield { block: filling.subarray(0, filled), before, isLast: true };
}
