/**
 * The multiplexed stream of attach, exec and logs without a terminal: frames of an 8-byte header (stream, three
 * zeros, length as a big-endian 32-bit number) and that many bytes.
 */
export type FrameStream = 'stdin' | 'stdout' | 'stderr' | 'systemerr';

export const FRAME_HEADER_BYTES = 8;

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
