/**
 * The multiplexed stream of attach, exec and logs without a terminal: frames of an 8-byte header (stream, three
 * zeros, length as a big-endian 32-bit number) and that many bytes.
 */
export type FrameStream = 'stdin' | 'stdout' | 'stderr' | 'systemerr';

export const FRAME_HEADER_BYTES = 8;

const STREAMS: readonly FrameStream[] = ['stdin', 'stdout', 'stderr', 'systemerr'];
const NUMBERS: Readonly<Record<FrameStream, number>> = { stdin: 0, stdout: 1, stderr: 2, systemerr: 3 };

/** A frame is a header and `lengthBytes` bytes after it. */
export function encodeFrameHeader(stream: FrameStream, lengthBytes: number): Buffer {
  const header = Buffer.allocUnsafe(FRAME_HEADER_BYTES);
  writeFrameHeader(header, 0, stream, lengthBytes);
  return header;
}

/** Writes a header into `target` at `offset`. */
export function writeFrameHeader(
  target: Buffer,
  offset: number,
  stream: FrameStream,
  lengthBytes: number,
): void {
  target.writeUInt32BE(NUMBERS[stream] * 0x1000000, offset);
  target.writeUInt32BE(lengthBytes, offset + 4);
}

/** A piece of a frame's payload, a view of what was fed. */
export interface FramePiece {
  readonly stream: FrameStream;
  readonly data: Buffer;
}

/** Takes a multiplexed stream apart, however the network cut it. Payloads pass through without copying or buffering. */
export class FrameDecoder {
  readonly #header = Buffer.alloc(FRAME_HEADER_BYTES);
  #headerFilled = 0;
  #stream: FrameStream = 'stdout';
  #remaining = 0;

  /**
   * The pieces that `chunk` holds, in order.
   *
   * @throws {RangeError} if it is no multiplexed stream
   */
  *feed(chunk: Buffer): Generator<FramePiece> {
    let offset = 0;
    while (offset < chunk.length) {
      if (this.#remaining === 0) offset += this.#takeHeader(chunk, offset);
      const length = Math.min(this.#remaining, chunk.length - offset);
      if (length === 0) continue;
      yield { stream: this.#stream, data: chunk.subarray(offset, offset + length) };
      offset += length;
      this.#remaining -= length;
    }
  }

  #takeHeader(chunk: Buffer, offset: number): number {
    const taken = chunk.copy(
      this.#header,
      this.#headerFilled,
      offset,
      offset + FRAME_HEADER_BYTES - this.#headerFilled,
    );
    this.#headerFilled += taken;
    if (this.#headerFilled < FRAME_HEADER_BYTES) return taken;
    this.#headerFilled = 0;
    const stream = STREAMS[this.#header.readUInt8(0)];
    if (stream === undefined) throw new RangeError(`Unrecognized input header: ${this.#header.readUInt8(0)}`);
    this.#stream = stream;
    this.#remaining = this.#header.readUInt32BE(4);
    return taken;
  }
}
