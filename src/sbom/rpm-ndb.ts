/** rpm's own database form (SUSE): pages of slots, each pointing at a header (rpm, lib/backend/ndb/rpmpkg.c). */
import { EngineError } from '#base/errors.ts';
import type { FoundFile } from './package-file.ts';

/** `RpmP`, `Slot`, `BlbS`: little-endian. */
const FILE_MAGIC = 0x50_6d_70_52;
const SLOT_MAGIC = 0x74_6f_6c_53;
const HEADER_MAGIC = 0x53_62_6c_42;
const PAGE_BYTES = 4096;
const SLOT_BYTES = 16;
/** What a place in the file is counted in. */
const BLOCK_BYTES = 16;
const BLOB_PREFIX_BYTES = 16;
const MAXIMUM_PAGES = 4096;
const HEADER_BYTES = 64 << 20;

/** Yields nothing for a file of another form. */
export async function* ndbHeaders(file: FoundFile): AsyncGenerator<Buffer, void> {
  const start = await file.read(0, 2 * SLOT_BYTES);
  if (start.length < 2 * SLOT_BYTES || start.readUInt32LE(0) !== FILE_MAGIC) return;
  const pages = start.readUInt32LE(12);
  if (pages > MAXIMUM_PAGES) throw damaged();
  const slots = await file.read(0, pages * PAGE_BYTES);
  // The first two slots' place is the file's own header.
  for (let at = 2 * SLOT_BYTES; at + SLOT_BYTES <= slots.length; at += SLOT_BYTES) {
    const [index, block] = [slots.readUInt32LE(at + 4), slots.readUInt32LE(at + 8)];
    if (slots.readUInt32LE(at) !== SLOT_MAGIC) throw damaged();
    if (index !== 0) yield await headerAt(file, block * BLOCK_BYTES, index);
  }
}

async function headerAt(file: FoundFile, offset: number, index: number): Promise<Buffer> {
  const prefix = await file.read(offset, BLOB_PREFIX_BYTES);
  if (prefix.length < BLOB_PREFIX_BYTES || prefix.readUInt32LE(0) !== HEADER_MAGIC) throw damaged();
  const length = prefix.readUInt32LE(12);
  if (prefix.readUInt32LE(4) !== index || length > HEADER_BYTES) throw damaged();
  return await file.read(offset + BLOB_PREFIX_BYTES, length);
}

function damaged(): EngineError {
  return new EngineError('invalid', 'the database is damaged');
}
