/** Sections of an executable (elf(5)), by their names. */
import type { OpenFile } from './sbom.ts';

export interface ElfSection {
  readonly offset: number;
  readonly sizeBytes: number;
}

const MAGIC = Buffer.from([0x7f, 0x45, 0x4c, 0x46]);
const HEADER_BYTES = 64;
const TABLE_BYTES = 1 << 20;

/**
 * The sections by name; empty for a file that is no executable of 64 bits in this machine's byte order, or has no table
 * of sections.
 */
export async function elfSections(file: Pick<OpenFile, 'read'>): Promise<ReadonlyMap<string, ElfSection>> {
  const header = await file.read(0, HEADER_BYTES);
  const is64Bits = header.length === HEADER_BYTES && header.subarray(0, 4).equals(MAGIC) && header[4] === 2;
  if (!is64Bits || header[5] !== 1) return new Map();
  const [entryBytes, count, namesIndex] = [
    header.readUInt16LE(58),
    header.readUInt16LE(60),
    header.readUInt16LE(62),
  ];
  if (entryBytes < 64 || count * entryBytes > TABLE_BYTES) return new Map();
  const table = await file.read(Number(header.readBigUInt64LE(40)), count * entryBytes);
  const sections = Array.from({ length: Math.floor(table.length / entryBytes) }, (_, index) => ({
    nameAt: table.readUInt32LE(index * entryBytes),
    offset: Number(table.readBigUInt64LE(index * entryBytes + 24)),
    sizeBytes: Number(table.readBigUInt64LE(index * entryBytes + 32)),
  }));
  const place = sections[namesIndex];
  if (!place || place.sizeBytes > TABLE_BYTES) return new Map();
  const names = await file.read(place.offset, place.sizeBytes);
  return new Map(sections.map(({ nameAt, ...section }) => [nameIn(names, nameAt), section]));
}

function nameIn(names: Buffer, at: number): string {
  const end = names.indexOf(0, at);
  return end < 0 ? '' : names.toString('latin1', at, end);
}
