import { FRAME_HEADER_BYTES } from '#wire/stdcopy.ts';

export type OutputStream = 'stdout' | 'stderr';

/**
 * Takes a multiplexed stream apart for writing it out: the payloads of neighbouring frames of one stream are moved
 * together within the chunk and handed over at once. A container that prints short lines makes millions of frames;
 * an object for each would cost more than everything else.
 */
export class FrameSplitter {
  readonly #write: (stream: OutputStream, data: Buffer) => void;
  readonly #header = Buffer.alloc(FRAME_HEADER_BYTES);
  #headerFilled = 0;
  #stream: OutputStream = 'stdout';
  /** Bytes of the frame that are to come. */
  #left = 0;

  constructor(write: (stream: OutputStream, data: Buffer) => void) {
    this.#write = write;
  }

  /** Overwrites `chunk`. @throws {RangeError} if it is no multiplexed stream */
  feed(chunk: Buffer): void {
    let at = 0;
    // What is to be written: from `start` to `end`, which follows `at` at the distance of the headers dropped.
    let start = 0;
    let end = 0;
    while (at < chunk.length) {
      if (this.#left === 0) {
        const before = this.#stream;
        at = this.#readHeader(chunk, at);
        if (this.#stream !== before || end === start) {
          if (end > start) this.#write(before, chunk.subarray(start, end));
          start = at;
          end = at;
        }
        continue;
      }
      const length = Math.min(this.#left, chunk.length - at);
      if (end !== at) chunk.copyWithin(end, at, at + length);
      end += length;
      at += length;
      this.#left -= length;
    }
    if (end > start) this.#write(this.#stream, chunk.subarray(start, end));
  }

  /** @returns where the header, or what is there of it, ends */
  #readHeader(chunk: Buffer, at: number): number {
    if (this.#headerFilled === 0 && chunk.length - at >= FRAME_HEADER_BYTES) {
      this.#takeHeader(chunk, at);
      return at + FRAME_HEADER_BYTES;
    }
    const missing = FRAME_HEADER_BYTES - this.#headerFilled;
    const taken = chunk.copy(this.#header, this.#headerFilled, at, at + missing);
    this.#headerFilled += taken;
    if (this.#headerFilled === FRAME_HEADER_BYTES) {
      this.#headerFilled = 0;
      this.#takeHeader(this.#header, 0);
    }
    return at + taken;
  }

  #takeHeader(bytes: Buffer, at: number): void {
    const stream = bytes[at] ?? 0;
    if (stream > LAST_STREAM) throw new RangeError(`Unrecognized input header: ${stream}`);
    this.#stream = stream <= STDOUT ? 'stdout' : 'stderr';
    this.#left = bytes.readUInt32BE(at + 4);
  }
}

/** 0 (stdin) is written to stdout too, 3 is the engine's own complaints. */
const STDOUT = 1;
const LAST_STREAM = 3;
