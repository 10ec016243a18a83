/** Reading a file while another thread writes it: how far it is, in shared memory. */
import { closeSync, openSync, readSync } from 'node:fs';
import type { EngineError } from '#base/errors.ts';
import { BufferRing } from './buffer-ring.ts';
import { isErrno } from '#linux/errno.ts';
import { storeError } from './store-errors.ts';

const HELD = 0;
const ENDED = 1;
const READ_BYTES = 256 * 1024;

/** Progress of a file that holds `offset` bytes; see `ArrivingFile`. */
export function newProgress(offset: number): BigInt64Array {
  const progress = new BigInt64Array(new SharedArrayBuffer(2 * BigInt64Array.BYTES_PER_ELEMENT));
  progress[HELD] = BigInt(offset);
  return progress;
}

export function tellProgress(progress: BigInt64Array, offset: number): void {
  Atomics.store(progress, HELD, BigInt(offset));
  Atomics.notify(progress, HELD);
}

/** The writer has given up. */
export function tellEnd(progress: BigInt64Array): void {
  Atomics.store(progress, ENDED, 1n);
  Atomics.notify(progress, HELD);
}

export interface ArrivingSource {
  readonly path: string;
  /** Where the file is once it is whole. */
  readonly finalPath: string;
  readonly progress: BigInt64Array;
  /** Bytes that it will have, or fewer for a part of it. */
  readonly sizeBytes: number;
}

/**
 * The file's bytes as they arrive, in buffers that are used again: see `BufferRing`. Waits without blocking the thread.
 *
 * @throws {EngineError} `aborted` if the writer gives up
 */
export async function* arrivingChunks(source: ArrivingSource): AsyncGenerator<Buffer, void> {
  const { progress, sizeBytes } = source;
  const fd = openEither(source);
  const ring = new BufferRing(READ_BYTES);
  try {
    for (let at = 0; at < sizeBytes; ) {
      const held = await heldBeyond(progress, at);
      const chunk = ring.next();
      const length = readSync(fd, chunk, 0, Math.min(READ_BYTES, held - at, sizeBytes - at), at);
      if (length === 0) throw givenUp();
      yield chunk.subarray(0, length);
      at += length;
    }
  } finally {
    closeSync(fd);
  }
}

/** It is renamed at most once. */
function openEither({ path, finalPath }: ArrivingSource): number {
  try {
    return openSync(path, 'r');
  } catch (error) {
    if (!isErrno(error, 'ENOENT')) throw error;
    return openSync(finalPath, 'r');
  }
}

async function heldBeyond(progress: BigInt64Array, at: number): Promise<number> {
  for (;;) {
    const held = Atomics.load(progress, HELD);
    if (held > BigInt(at)) return Number(held);
    if (Atomics.load(progress, ENDED) !== 0n) throw givenUp();
    await Atomics.waitAsync(progress, HELD, held).value;
  }
}

function givenUp(): EngineError {
  return storeError('blob-no-longer-written');
}
