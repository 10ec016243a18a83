/** Sparse maps in the four forms that GNU tar has written ("GNU tar internals", Sparse Formats). */
import { BLOCK_BYTES, decodeNumber, malformed, type SparseRegion } from './tar-header.ts';

/** Old GNU headers hold 4 regions in the header and 21 in each block that follows. */
const HEADER_REGIONS_OFFSET = 386;
const HEADER_REGIONS = 4;
const HEADER_EXTENDED_OFFSET = 482;
const BLOCK_REGIONS = 21;
const BLOCK_EXTENDED_OFFSET = 504;

const MAXIMUM_MAP_BYTES = 1 << 20;

export function decodeOldSparseHeader(block: Buffer): {
  readonly regions: SparseRegion[];
  readonly isExtended: boolean;
  readonly realSizeBytes: number;
} {
  return {
    regions: decodeRegions(block, HEADER_REGIONS_OFFSET, HEADER_REGIONS),
    isExtended: block[HEADER_EXTENDED_OFFSET] !== 0,
    realSizeBytes: decodeNumber(block, 483, 12),
  };
}

export function decodeOldSparseBlock(block: Buffer): {
  readonly regions: SparseRegion[];
  readonly isExtended: boolean;
} {
  return {
    regions: decodeRegions(block, 0, BLOCK_REGIONS),
    isExtended: block[BLOCK_EXTENDED_OFFSET] !== 0,
  };
}

function decodeRegions(block: Buffer, start: number, count: number): SparseRegion[] {
  const regions: SparseRegion[] = [];
  for (let index = 0; index < count; index++) {
    const at = start + index * 24;
    if (block[at] === 0) break;
    regions.push({ offset: decodeNumber(block, at, 12), length: decodeNumber(block, at + 12, 12) });
  }
  return regions;
}

/** From `offset, length, offset, length, …` (PAX 0.0 and 0.1). */
export function regionsFromNumbers(numbers: readonly number[]): SparseRegion[] {
  if (numbers.length % 2 !== 0) throw malformed('invalid sparse map');
  const regions: SparseRegion[] = [];
  for (let index = 0; index < numbers.length; index += 2)
    regions.push({ offset: numbers[index] ?? 0, length: numbers[index + 1] ?? 0 });
  return regions;
}

/**
 * PAX 1.0 keeps the map at the start of the data: decimal numbers, one a line, the first their count of pairs,
 * padded to a whole block. This collects it block by block.
 */
export class SparseMapReader {
  readonly #blocks: Buffer[] = [];
  #lines = 0;
  #wantedLines = 1;

  get lengthBytes(): number {
    return this.#blocks.length * BLOCK_BYTES;
  }

  /** @returns the regions once the map is whole */
  push(block: Buffer): SparseRegion[] | undefined {
    if (this.#blocks.length === 0) this.#wantedLines = 1 + 2 * firstNumber(block);
    if (this.lengthBytes >= MAXIMUM_MAP_BYTES) throw malformed('sparse map too large');
    this.#blocks.push(Buffer.from(block));
    for (const byte of block) if (byte === 0x0a) this.#lines++;
    return this.#lines >= this.#wantedLines ? this.#decode() : undefined;
  }

  #decode(): SparseRegion[] {
    const lines = Buffer.concat(this.#blocks).toString('latin1').split('\n').slice(1, this.#wantedLines);
    return regionsFromNumbers(lines.map(decimal));
  }
}

function firstNumber(block: Buffer): number {
  return decimal(block.toString('latin1', 0, Math.max(0, block.indexOf(0x0a))));
}

function decimal(text: string): number {
  if (!/^[0-9]{1,15}$/.test(text)) throw malformed('invalid sparse map');
  return Number(text);
}

/** @throws {EngineError} `invalid` unless ascending, inside the file and exactly as long as the stored data */
export function verifyRegions(
  regions: readonly SparseRegion[],
  storedBytes: number,
  realSizeBytes: number,
): void {
  let end = 0;
  let sum = 0;
  for (const { offset, length } of regions) {
    if (offset < end || offset + length > realSizeBytes) throw malformed('invalid sparse map');
    end = offset + length;
    sum += length;
  }
  if (sum !== storedBytes) throw malformed('invalid sparse map');
}
