import { readdirSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { frameSize, HEADER_BYTES, isWhole, SEGMENT_MAGIC, TRAILER_BYTES } from './local-format.ts';

const PATTERN = /^(\d{8,})\.log$/;

/** The numbers of a log's segments, oldest first. */
export function listSegments(directory: string): number[] {
  return readdirSync(directory)
    .flatMap((name) => PATTERN.exec(name)?.[1] ?? [])
    .map(Number)
    .toSorted((a, b) => a - b);
}

export function segmentPath(directory: string, number: number): string {
  return join(directory, `${String(number).padStart(8, '0')}.log`);
}

const BLOCK_BYTES = 1 << 20;

/** Where the last whole record of an open segment ends; 0 if it is no segment. */
export function validLength(fd: number, sizeBytes: number): number {
  const magic = Buffer.alloc(SEGMENT_MAGIC.length);
  readSync(fd, magic, 0, magic.length, 0);
  if (!magic.equals(SEGMENT_MAGIC)) return 0;
  return endsWhole(fd, sizeBytes) ? sizeBytes : scanForward(fd, sizeBytes);
}

/** The usual case, known from the last record alone. */
function endsWhole(fd: number, sizeBytes: number): boolean {
  if (sizeBytes === SEGMENT_MAGIC.length) return true;
  const trailer = Buffer.alloc(TRAILER_BYTES);
  readSync(fd, trailer, 0, TRAILER_BYTES, sizeBytes - TRAILER_BYTES);
  const start = sizeBytes - TRAILER_BYTES - trailer.readUInt32LE(0) - HEADER_BYTES;
  if (start < SEGMENT_MAGIC.length) return false;
  const header = Buffer.alloc(HEADER_BYTES);
  readSync(fd, header, 0, HEADER_BYTES, start);
  return frameSize(header, 0) === sizeBytes - start;
}

function scanForward(fd: number, sizeBytes: number): number {
  let valid = SEGMENT_MAGIC.length;
  const header = Buffer.alloc(HEADER_BYTES);
  const trailer = Buffer.alloc(TRAILER_BYTES);
  for (;;) {
    const read = readSync(fd, header, 0, HEADER_BYTES, valid);
    const size = frameSize(header.subarray(0, read), 0);
    if (size === undefined || valid + size > sizeBytes) return valid;
    readSync(fd, trailer, 0, TRAILER_BYTES, valid + size - TRAILER_BYTES);
    if (trailer.readUInt32LE(0) !== header.readUInt32LE(0)) return valid;
    valid += size;
  }
}

/** A record's place in its segment. */
export interface FramePlace {
  readonly offset: number;
  readonly buffer: Buffer;
  /** Where the frame begins in `buffer`. */
  readonly start: number;
  readonly size: number;
}

/** Walks the whole records of a segment from the last to the first. */
export function* walkBackward(fd: number, length: number): Generator<FramePlace> {
  let end = length;
  let windowStart = end;
  let window: Buffer = Buffer.alloc(0);
  while (end > SEGMENT_MAGIC.length) {
    const size = sizeOfFrameBefore(fd, window, windowStart, end);
    if (end - size < windowStart) {
      windowStart = Math.max(0, end - Math.max(BLOCK_BYTES, size));
      window = readFully(fd, windowStart, end - windowStart);
    }
    const start = end - size - windowStart;
    if (frameSize(window, start) !== size || !isWhole(window, start, size)) return;
    end -= size;
    yield { offset: end, buffer: window, start, size };
  }
}

function sizeOfFrameBefore(fd: number, window: Buffer, windowStart: number, end: number): number {
  const at = end - TRAILER_BYTES;
  const trailer =
    at >= windowStart && end <= windowStart + window.length
      ? window.readUInt32LE(at - windowStart)
      : readFully(fd, at, TRAILER_BYTES).readUInt32LE(0);
  return HEADER_BYTES + trailer + TRAILER_BYTES;
}

function readFully(fd: number, offset: number, length: number): Buffer {
  const buffer = Buffer.allocUnsafe(length);
  const read = readSync(fd, buffer, 0, length, offset);
  return buffer.subarray(0, read);
}
