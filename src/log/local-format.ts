import type { LogRecord } from './log.ts';

/*
 * A segment of the `local` driver: 8 bytes of magic, then records.
 *
 *   header, 16 bytes: length of the data u32, mark u16, flags u16, nanoseconds since the epoch u64
 *   data
 *   trailer, 4 bytes: the length again, so that a segment can be walked from its end
 *
 * Little-endian. A record that is not whole (a crash in the middle) is as if it were not there.
 */
export const SEGMENT_MAGIC: Buffer = Buffer.from('CAISLOG1');
export const HEADER_BYTES = 16;
export const TRAILER_BYTES = 4;
const MARK = 0xca15;
const FLAG_STDERR = 1;
const FLAG_PARTIAL = 2;

export function encodeFrame(record: LogRecord, header: Buffer, trailer: Buffer): void {
  const flags = (record.stream === 'stderr' ? FLAG_STDERR : 0) | (record.partial ? FLAG_PARTIAL : 0);
  header.writeUInt32LE(record.data.length, 0);
  header.writeUInt16LE(MARK, 4);
  header.writeUInt16LE(flags, 6);
  header.writeBigUInt64LE(record.timeNs, 8);
  trailer.writeUInt32LE(record.data.length, 0);
}

/** Bytes of the whole record whose header is at `offset`; undefined if there is no header. */
export function frameSize(buffer: Buffer, offset: number): number | undefined {
  if (offset + HEADER_BYTES > buffer.length || buffer.readUInt16LE(offset + 4) !== MARK) return undefined;
  return HEADER_BYTES + buffer.readUInt32LE(offset) + TRAILER_BYTES;
}

/** True if `size` bytes at `offset` are a record that is whole. */
export function isWhole(buffer: Buffer, offset: number, size: number): boolean {
  const end = offset + size;
  return (
    end <= buffer.length && buffer.readUInt32LE(end - TRAILER_BYTES) === size - HEADER_BYTES - TRAILER_BYTES
  );
}

/** The record at `offset`, which is whole; its data are a view. */
export function decodeFrame(buffer: Buffer, offset: number, size: number): LogRecord {
  const flags = buffer.readUInt16LE(offset + 6);
  return {
    stream: flags & FLAG_STDERR ? 'stderr' : 'stdout',
    timeNs: buffer.readBigUInt64LE(offset + 8),
    data: buffer.subarray(offset + HEADER_BYTES, offset + size - TRAILER_BYTES),
    partial: (flags & FLAG_PARTIAL) !== 0,
  };
}
