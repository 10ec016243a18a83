/**
 * Gzip whose bytes depend on nothing but the input: blocks of a fixed size, each primed with the end of the one before
 * (as pigz does), so that all cores work on one file and the result is one ordinary gzip member (RFC 1952). Threads
 * read and write the files themselves; no byte goes through the event loop. Blocks: for worker threads.
 */
import { createHash, type Hash } from 'node:crypto';
import { closeSync, fstatSync, openSync, readSync, writeSync, writevSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { discardBuffer } from '#base/discard-buffer.ts';
import { parseDigest } from '#oci/digest.ts';
import type { BlobInfo } from '#store/content.ts';
import { deflateBlock, OWN_MEMORY_BYTES } from './deflate-block.ts';
import { type GzipState, GzipTurns } from './gzip-turns.ts';
import { layerError } from './layer-errors.ts';

/** Of the source. */
export const BLOCK_BYTES = 1024 * 1024;
const WINDOW_BYTES = 32 * 1024;
const HASH_BYTES = 256 * 1024;
/** No time, no name, unknown system: nothing that differs from run to run. */
const HEADER = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]);
const TRAILER_BYTES = 8;
/** Blocks that a thread has ready before it waits for its turn. */
const AHEAD = 3;

/** Where the first block goes. */
export const GZIP_HEADER_BYTES = HEADER.length;

/** One of the threads at one stream. */
export interface GzipJob {
  readonly sourcePath: string;
  /** An empty file. */
  readonly targetPath: string;
  readonly state: GzipState;
  /** One thread completes the stream and hashes what all have written. */
  readonly isLast: boolean;
}

/** How many blocks a source has: more threads than these have nothing to do. */
export function gzipBlocks(sourceBytes: number): number {
  return Math.max(1, Math.ceil(sourceBytes / BLOCK_BYTES));
}

/** Works until no block is left. @returns what the stream is, from the thread that completes it */
export function gzipFile(job: GzipJob, aborted: Int32Array): BlobInfo | undefined {
  const turns = new GzipTurns(job.state);
  const source = openSync(job.sourcePath, 'r');
  const target = openSync(job.targetPath, 'r+');
  try {
    using member = new GzipMember(source, target, turns, job.isLast ? createHash('sha256') : undefined);
    member.makeBlocks(aborted);
    return job.isLast ? member.complete() : undefined;
  } catch (error) {
    turns.fail();
    throw error;
  } finally {
    closeSync(source);
    closeSync(target);
  }
}

interface MadeBlock {
  readonly number: number;
  readonly block: Uint8Array;
  /** The compressed pieces; some are parts of `block`. */
  readonly parts: readonly Uint8Array[];
  readonly checksum: number;
  readonly plainBytes: number;
}

class GzipMember implements Disposable {
  readonly #source: number;
  readonly #target: number;
  readonly #turns: GzipTurns;
  readonly #hash: Hash | undefined;
  readonly #sourceBytes: number;
  readonly #blocks: number;
  /** A block that was made may still be parts of what was read. */
  readonly #buffers = Array.from({ length: AHEAD + 1 }, () =>
    Buffer.allocUnsafeSlow(WINDOW_BYTES + BLOCK_BYTES),
  );
  readonly #made: MadeBlock[] = [];
  #hashedBytes = 0;

  constructor(source: number, target: number, turns: GzipTurns, hash: Hash | undefined) {
    this.#source = source;
    this.#target = target;
    this.#turns = turns;
    this.#hash = hash;
    this.#sourceBytes = fstatSync(source).size;
    this.#blocks = gzipBlocks(this.#sourceBytes);
    if (hash) writeAll(target, [HEADER], 0);
  }

  makeBlocks(aborted: Int32Array): void {
    for (let number = this.#turns.claim(); number < this.#blocks; number = this.#turns.claim()) {
      if (Atomics.load(aborted, 0) !== 0)
        throw layerError('layer-work-given-up', {
          details: { action: 'compress layer', problem: 'cancelled' },
        });
      this.#made.push(this.#make(number));
      this.#writeMade(AHEAD);
    }
    this.#writeMade(0);
  }

  complete(): BlobInfo {
    this.#turns.waitFor(this.#blocks);
    const { offset, checksum } = this.#turns;
    writeAll(this.#target, [trailerOf(checksum, this.#sourceBytes)], offset);
    const sizeBytes = offset + TRAILER_BYTES;
    this.#hashUpTo(sizeBytes);
    return { digest: parseDigest(`sha256:${this.#hash?.digest('hex')}`), sizeBytes };
  }

  /** Gives back megabytes for each thread and file, which no collection would free soon. */
  [Symbol.dispose](): void {
    for (const buffer of this.#buffers) discardBuffer(buffer);
  }

  #make(number: number): MadeBlock {
    const buffer = this.#buffers.shift() ?? Buffer.allocUnsafeSlow(WINDOW_BYTES + BLOCK_BYTES);
    this.#buffers.push(buffer);
    const start = number * BLOCK_BYTES;
    const windowBytes = Math.min(start, WINDOW_BYTES);
    const plainBytes = Math.min(BLOCK_BYTES, this.#sourceBytes - start);
    const content = buffer.subarray(0, windowBytes + plainBytes);
    readAll(this.#source, content, start - windowBytes);
    const block = content.subarray(windowBytes);
    const parts = deflateBlock({
      block,
      before: content.subarray(0, windowBytes),
      isLast: number === this.#blocks - 1,
    });
    return { number, block, parts, checksum: crc32(block), plainBytes };
  }

  /** Writes what has its turn, and waits for the turns of all but `kept` blocks. */
  #writeMade(kept: number): void {
    for (let next = this.#made[0]; next; next = this.#made[0]) {
      if (this.#made.length <= kept && !this.#turns.isTurnOf(next.number)) return;
      this.#turns.waitFor(next.number);
      const written = writeAll(this.#target, next.parts, this.#turns.offset);
      this.#turns.pass(written, next.checksum, next.plainBytes);
      discardParts(next);
      this.#made.shift();
      if (this.#hash) this.#hashUpTo(this.#turns.offset);
    }
  }

  /** Hashes the file, since most of it was written by other threads. */
  #hashUpTo(offset: number): void {
    const buffer = Buffer.allocUnsafe(Math.min(HASH_BYTES, offset - this.#hashedBytes));
    while (this.#hashedBytes < offset) {
      const chunk = buffer.subarray(0, Math.min(buffer.length, offset - this.#hashedBytes));
      readAll(this.#target, chunk, this.#hashedBytes);
      this.#hash?.update(chunk);
      this.#hashedBytes += chunk.length;
    }
  }
}

/** Gives memory back before a collection, for the next blocks. Small pieces share theirs. */
function discardParts({ block, parts }: MadeBlock): void {
  for (const { buffer } of parts)
    if (buffer !== block.buffer && buffer.byteLength >= OWN_MEMORY_BYTES)
      discardBuffer(new Uint8Array(buffer));
}

function trailerOf(checksum: number, plainBytes: number): Buffer {
  const trailer = Buffer.alloc(TRAILER_BYTES);
  trailer.writeUInt32LE(checksum, 0);
  trailer.writeUInt32LE(plainBytes % 2 ** 32, 4);
  return trailer;
}

function readAll(fd: number, buffer: Buffer, position: number): void {
  for (let at = 0; at < buffer.length; ) {
    const length = readSync(fd, buffer, at, buffer.length - at, position + at);
    if (length === 0)
      throw layerError('layer-not-compressed', { details: { problem: 'its file is shorter than it was' } });
    at += length;
  }
}

/** @returns the bytes of all parts */
function writeAll(fd: number, parts: readonly Uint8Array[], position: number): number {
  const totalBytes = parts.reduce((sum, { length }) => sum + length, 0);
  let written = writevSync(fd, parts, position);
  if (written === totalBytes) return totalBytes;
  const whole = Buffer.concat(parts);
  while (written < totalBytes)
    written += writeSync(fd, whole, written, totalBytes - written, position + written);
  return totalBytes;
}
