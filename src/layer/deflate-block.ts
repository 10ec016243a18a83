/** One block of a deflate stream (RFC 1951), made without asking anything but its bytes. Blocks: for worker threads. */
import { constants, deflateRawSync } from 'node:zlib';

export interface DeflateJob {
  readonly block: Uint8Array;
  /** What the decompressor has seen right before: up to 32 KiB. */
  readonly before: Uint8Array;
  readonly isLast: boolean;
}

/** A quarter faster than gzip's own 6, and half a percent larger. */
const LEVEL = 5;
/** A buffer of this size lies in no pool: its memory can be given back once it is written. */
export const OWN_MEMORY_BYTES: number = 2 * Buffer.poolSize;
const NOTHING = new Uint8Array(0);
const CELL_BYTES = 4096;
/** Every seventh byte of a cell tells enough; an odd stride looks at all bytes of words in turn. */
const SAMPLE_STRIDE = 7;
/** A shorter piece that does not compress is not worth a block of its own. */
const MINIMUM_STORED_BYTES = 2 * CELL_BYTES;
const MAXIMUM_STORED_BYTES = 65_535;
const FINAL_EMPTY_BLOCK = Buffer.from([0x03, 0x00]);

/**
 * What has been compressed already (archives, pictures, keys) is stored as it is, at the speed of copying; the rest is
 * deflated. Every piece ends on a byte, so that the next one, and the next block, simply follow.
 *
 * @returns the pieces; some are parts of `block`
 */
export function deflateBlock({ block, before, isLast }: DeflateJob): readonly Uint8Array[] {
  const parts: Uint8Array[] = [];
  for (const { start, end, isStored } of piecesOf(block)) {
    const piece = block.subarray(start, end);
    if (isStored) parts.push(...stored(piece));
    // Nothing refers to noise, and priming costs as much as deflating.
    else parts.push(deflated(piece, start === 0 ? before : NOTHING));
  }
  if (isLast) parts.push(FINAL_EMPTY_BLOCK);
  return parts;
}

interface Piece {
  readonly start: number;
  readonly end: number;
  readonly isStored: boolean;
}

function piecesOf(block: Uint8Array): readonly Piece[] {
  const pieces: Piece[] = [];
  for (let start = 0; start < block.length; start += CELL_BYTES) {
    const end = Math.min(start + CELL_BYTES, block.length);
    const isStored = isNoise(block.subarray(start, end));
    const last = pieces.at(-1);
    if (last?.isStored === isStored) pieces[pieces.length - 1] = { ...last, end };
    else pieces.push({ start, end, isStored });
  }
  return merged(pieces);
}

/** Short noise goes with what is before it. */
function merged(pieces: readonly Piece[]): readonly Piece[] {
  const result: Piece[] = [];
  for (const piece of pieces) {
    const isStored = piece.isStored && piece.end - piece.start >= MINIMUM_STORED_BYTES;
    const last = result.at(-1);
    if (last?.isStored === isStored) result[result.length - 1] = { ...last, end: piece.end };
    else result.push({ ...piece, isStored });
  }
  return result;
}

const counts = new Uint16Array(256);

/** True if the bytes are spread as evenly as those of compressed data: by the sum of squares of their counts. */
function isNoise(cell: Uint8Array): boolean {
  if (cell.length < CELL_BYTES) return false;
  counts.fill(0);
  for (let at = 0; at < CELL_BYTES; at += SAMPLE_STRIDE) {
    const byte = cell[at] ?? 0;
    counts[byte] = (counts[byte] ?? 0) + 1;
  }
  let squares = 0;
  for (let byte = 0; byte < counts.length; byte++) squares += (counts[byte] ?? 0) ** 2;
  const samples = Math.ceil(CELL_BYTES / SAMPLE_STRIDE);
  const expected = (samples * samples) / counts.length + samples;
  return squares < expected * 1.3;
}

/** A stored block (RFC 1951, 3.2.4) that is not the last of its stream. */
function* stored(piece: Uint8Array): Generator<Uint8Array, void> {
  for (let at = 0; at < piece.length; at += MAXIMUM_STORED_BYTES) {
    const part = piece.subarray(at, at + MAXIMUM_STORED_BYTES);
    const header = Buffer.alloc(5);
    header.writeUInt16LE(part.length, 1);
    header.writeUInt16LE(~part.length & 0xffff, 3);
    yield header;
    yield part;
  }
}

function deflated(piece: Uint8Array, dictionary: Uint8Array): Uint8Array {
  return deflateRawSync(piece, {
    level: LEVEL,
    chunkSize: Math.max(piece.length + 1024, OWN_MEMORY_BYTES),
    finishFlush: constants.Z_SYNC_FLUSH,
    ...(dictionary.length > 0 ? { dictionary } : {}),
  });
}
