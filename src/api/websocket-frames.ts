/** WebSocket framing (RFC 6455, section 5) as far as one binary stream each way needs it. */

export const OPCODE = {
  continuation: 0x0,
  text: 0x1,
  binary: 0x2,
  close: 0x8,
  ping: 0x9,
  pong: 0xa,
} as const;

const MAXIMUM_CONTROL_BYTES = 125;

/** The header of a whole, unmasked frame, as servers send it. */
export function encodeServerFrameHeader(opcode: number, lengthBytes: number): Buffer {
  const first = 0x80 | opcode;
  if (lengthBytes < 126) return Buffer.from([first, lengthBytes]);
  if (lengthBytes <= 0xffff) return Buffer.from([first, 126, lengthBytes >> 8, lengthBytes & 0xff]);
  const header = Buffer.alloc(10);
  header.writeUInt8(first, 0);
  header.writeUInt8(127, 1);
  header.writeBigUInt64BE(BigInt(lengthBytes), 2);
  return header;
}

export interface ClientFramePiece {
  readonly opcode: number;
  /** Unmasked. Data frames come in pieces as they arrive, control frames whole. */
  readonly data: Buffer;
}

/** Takes a client's frames apart, however the network cut them. */
export class ClientFrameDecoder {
  #pending = Buffer.alloc(0);
  #opcode = 0;
  #mask = Buffer.alloc(4);
  #maskOffset = 0;
  #remaining = 0;

  /** @throws {RangeError} if a frame breaks the protocol */
  *feed(chunk: Buffer): Generator<ClientFramePiece> {
    let bytes = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    this.#pending = Buffer.alloc(0);
    while (bytes.length > 0) {
      if (this.#remaining > 0) {
        const data = this.#unmask(bytes.subarray(0, this.#remaining));
        yield { opcode: this.#opcode, data };
        bytes = bytes.subarray(data.length);
        continue;
      }
      const consumed = this.#takeHeader(bytes);
      if (consumed === 0) {
        this.#pending = Buffer.from(bytes);
        return;
      }
      bytes = bytes.subarray(consumed);
      if (this.#remaining === 0) yield { opcode: this.#opcode, data: Buffer.alloc(0) };
    }
  }

  /** The bytes of a complete header; 0 if more are needed (for control frames with their payload). */
  #takeHeader(bytes: Buffer): number {
    if (bytes.length < 2) return 0;
    const opcode = bytes.readUInt8(0) & 0x0f;
    const isMasked = (bytes.readUInt8(1) & 0x80) !== 0;
    if (!isMasked) throw new RangeError('a client must mask its frames');
    const short = bytes.readUInt8(1) & 0x7f;
    const lengthBytes = short === 127 ? 8 : short === 126 ? 2 : 0;
    const headerLength = 2 + lengthBytes + 4;
    if (bytes.length < headerLength) return 0;
    const length = lengthBytes === 0 ? short : readLength(bytes, lengthBytes);
    const isControl = opcode >= OPCODE.close;
    if (isControl && length > MAXIMUM_CONTROL_BYTES) throw new RangeError('a control frame is too long');
    if (isControl && bytes.length < headerLength + length) return 0;
    this.#opcode = opcode;
    this.#mask = Buffer.from(bytes.subarray(headerLength - 4, headerLength));
    this.#maskOffset = 0;
    this.#remaining = length;
    return headerLength;
  }

  #unmask(masked: Buffer): Buffer {
    const data = Buffer.allocUnsafe(masked.length);
    for (let index = 0; index < masked.length; index++) {
      data[index] = (masked[index] ?? 0) ^ (this.#mask[(this.#maskOffset + index) & 3] ?? 0);
    }
    this.#maskOffset += masked.length;
    this.#remaining -= masked.length;
    return data;
  }
}

function readLength(bytes: Buffer, lengthBytes: 2 | 8): number {
  if (lengthBytes === 2) return bytes.readUInt16BE(2);
  const length = bytes.readBigUInt64BE(2);
  if (length > BigInt(Number.MAX_SAFE_INTEGER)) throw new RangeError('a frame is too long');
  return Number(length);
}
