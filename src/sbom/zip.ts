/** Files in a ZIP archive (APPNOTE.TXT), by its central directory. */
import { promisify } from 'node:util';
import { inflateRaw } from 'node:zlib';
import { EngineError } from '#base/errors.ts';
import type { OpenFile } from './sbom.ts';

export interface ZipMember {
  readonly name: string;
  readonly isDeflated: boolean;
  readonly packedBytes: number;
  readonly sizeBytes: number;
  /** The offset of its local header. */
  readonly offset: number;
}

/** Something that holds an archive: a file, or a member of one that is not compressed. */
export interface ZipPlace extends Pick<OpenFile, 'read'> {
  readonly sizeBytes: number;
}

const END_MAGIC = 0x06_05_4b_50;
const MEMBER_MAGIC = 0x02_01_4b_50;
const LOCAL_MAGIC = 0x04_03_4b_50;
const END_BYTES = 22;
const MEMBER_BYTES = 46;
const LOCAL_BYTES = 30;
const MAXIMUM_COMMENT_BYTES = 65_535;
const DIRECTORY_BYTES = 64 << 20;
const STORED = 0;
const DEFLATED = 8;

const inflate = promisify(inflateRaw);

/**
 * The members; empty for a file that is no such archive.
 *
 * @throws {EngineError} `invalid` for a directory that cannot be
 */
export async function zipMembers(place: ZipPlace): Promise<readonly ZipMember[]> {
  const tailBytes = Math.min(place.sizeBytes, END_BYTES + MAXIMUM_COMMENT_BYTES);
  const tailAt = place.sizeBytes - tailBytes;
  const tail = await place.read(tailAt, tailBytes);
  const end = tail.lastIndexOf(Buffer.from('PK\u0005\u0006'));
  if (end < 0 || end + END_BYTES > tail.length || tail.readUInt32LE(end) !== END_MAGIC) return [];
  const [sizeBytes, offset] = [tail.readUInt32LE(end + 12), tail.readUInt32LE(end + 16)];
  // What comes before the archive, a script that starts it for example, moves everything.
  const shift = tailAt + end - sizeBytes - offset;
  if (sizeBytes > DIRECTORY_BYTES || shift < 0) throw damaged();
  return [...membersIn(await place.read(offset + shift, sizeBytes), shift)];
}

function* membersIn(directory: Buffer, shift: number): Generator<ZipMember, void> {
  for (let at = 0; at + MEMBER_BYTES <= directory.length; ) {
    if (directory.readUInt32LE(at) !== MEMBER_MAGIC) throw damaged();
    const method = directory.readUInt16LE(at + 10);
    const nameBytes = directory.readUInt16LE(at + 28);
    const name = directory.toString('utf8', at + MEMBER_BYTES, at + MEMBER_BYTES + nameBytes);
    if (method === STORED || method === DEFLATED)
      yield {
        name,
        isDeflated: method === DEFLATED,
        packedBytes: directory.readUInt32LE(at + 20),
        sizeBytes: directory.readUInt32LE(at + 24),
        offset: directory.readUInt32LE(at + 42) + shift,
      };
    at += MEMBER_BYTES + nameBytes + directory.readUInt16LE(at + 30) + directory.readUInt16LE(at + 32);
  }
}

/** Where a member lies that is not compressed; undefined for the others. @throws {EngineError} `invalid` */
export async function storedMember(place: ZipPlace, member: ZipMember): Promise<ZipPlace | undefined> {
  if (member.isDeflated) return undefined;
  const start = await dataOffset(place, member);
  const { sizeBytes } = member;
  return {
    sizeBytes,
    read: (offset, length) => place.read(start + offset, Math.max(0, Math.min(length, sizeBytes - offset))),
  };
}

/** @throws {EngineError} `invalid` for more than `maximumBytes`, and for what cannot be decompressed */
export async function memberContents(
  place: ZipPlace,
  member: ZipMember,
  maximumBytes: number,
): Promise<Buffer> {
  if (member.sizeBytes > maximumBytes || member.packedBytes > maximumBytes) throw damaged();
  const packed = await place.read(await dataOffset(place, member), member.packedBytes);
  if (!member.isDeflated) return packed;
  try {
    return await inflate(packed, { maxOutputLength: maximumBytes });
  } catch (error) {
    throw damaged(error);
  }
}

/** The local header repeats the name, and may have other fields than the directory. */
async function dataOffset(place: ZipPlace, { offset }: ZipMember): Promise<number> {
  const header = await place.read(offset, LOCAL_BYTES);
  if (header.length < LOCAL_BYTES || header.readUInt32LE(0) !== LOCAL_MAGIC) throw damaged();
  return offset + LOCAL_BYTES + header.readUInt16LE(26) + header.readUInt16LE(28);
}

function damaged(cause?: unknown): EngineError {
  return new EngineError('invalid', 'the archive is damaged', { cause });
}
