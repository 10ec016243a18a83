/**
 * Frames of a connection that carries messages both ways: two lengths of four bytes, big-endian, a head in JSON and
 * bytes that belong to it.
 */
import { discardBuffer } from '#base/discard-buffer.ts';
import { EngineError } from '#base/errors.ts';

export interface Frame {
  /** Parsed; not validated. */
  readonly head: unknown;
  readonly data: Buffer;
}

const LENGTH_BYTES = 8;
/** Neither side sends more in one frame, so neither keeps more for it. */
const MAXIMUM_HEAD_BYTES = 4 << 20;
export const MAXIMUM_DATA_BYTES = 1 << 20;
const NO_DATA = Buffer.alloc(0);

/** The beginning of a frame; the data, where there is some, follows it as it is. */
export function encodeFrameHead(head: object, dataBytes = 0): Buffer {
  const text = JSON.stringify(head);
  const bytes = Buffer.byteLength(text);
  const frame = Buffer.allocUnsafe(LENGTH_BYTES + bytes);
  frame.writeUInt32BE(bytes, 0);
  frame.writeUInt32BE(dataBytes, 4);
  frame.write(text, LENGTH_BYTES, 'utf8');
  return frame;
}

/** Cuts a stream of bytes into frames. */
export class FrameDecoder {
  #pending: Buffer = NO_DATA;
  /** Bytes that came after `#pending`, and have not been joined to it. */
  #more: Buffer[] = [];
  #moreBytes = 0;
  #needed = LENGTH_BYTES;

  /**
   * Takes the chunk over: the caller may not use it afterwards.
   *
   * @throws {EngineError} `invalid` for what is not a frame, or larger than any
   */
  *push(chunk: Buffer): Generator<Frame, void> {
    this.#more.push(chunk);
    this.#moreBytes += chunk.length;
    while (this.#pending.length + this.#moreBytes >= this.#needed) {
      this.#join();
      const headBytes = this.#pending.readUInt32BE(0);
      const dataBytes = this.#pending.readUInt32BE(4);
      if (headBytes > MAXIMUM_HEAD_BYTES || dataBytes > MAXIMUM_DATA_BYTES)
        throw malformed('it is too large');
      this.#needed = LENGTH_BYTES + headBytes + dataBytes;
      if (this.#pending.length < this.#needed) continue;
      const dataStart = LENGTH_BYTES + headBytes;
      const head = parse(this.#pending.toString('utf8', LENGTH_BYTES, dataStart));
      const data = dataBytes === 0 ? NO_DATA : this.#pending.subarray(dataStart, this.#needed);
      this.#pending = this.#pending.subarray(this.#needed);
      this.#needed = LENGTH_BYTES;
      yield { head, data };
    }
  }

  /** True between two frames: where a connection may end. */
  get isComplete(): boolean {
    return this.#pending.length + this.#moreBytes === 0;
  }

  #join(): void {
    if (this.#moreBytes === 0) return;
    const [only = NO_DATA] = this.#more;
    if (this.#pending.length === 0 && this.#more.length === 1) this.#pending = only;
    else {
      this.#pending = Buffer.concat([this.#pending, ...this.#more]);
      for (const chunk of this.#more) discardBuffer(chunk);
    }
    this.#more = [];
    this.#moreBytes = 0;
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw malformed('its head is not JSON', cause);
  }
}

function malformed(why: string, cause?: unknown): EngineError {
  return new EngineError('invalid', `Cannot read frame: ${why}`, { cause });
}
