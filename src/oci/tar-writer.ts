/** Encodes tar headers: plain ustar where everything fits, a PAX extended header before it where not. */
import { BLOCK_BYTES, type TarEntry, type TarEntryType } from './tar-header.ts';
import { encodePax, encodePaxTime, xattrKey } from './tar-pax.ts';

/** What an archive member needs; the rest defaults to zero, empty, mode 0644 or 0755. Data is written whole. */
export type TarHeaderFields = Pick<TarEntry, 'path' | 'type'> &
  Partial<Omit<TarEntry, 'path' | 'type' | 'sparse' | 'realSizeBytes'>>;

const FLAGS: Readonly<Record<TarEntryType, string>> = {
  file: '0',
  hardlink: '1',
  symlink: '2',
  character: '3',
  block: '4',
  directory: '5',
  fifo: '6',
};

const MAXIMUM_OCTAL_7 = 0o7777777;
const MAXIMUM_OCTAL_11 = 0o77777777777;
const NS_PER_SECOND = 1_000_000_000n;

/** Two zero blocks. */
export const END_OF_ARCHIVE: Buffer = Buffer.alloc(2 * BLOCK_BYTES);

/** The zeros that bring `sizeBytes` of data to a whole block. */
export function paddingFor(sizeBytes: number): Buffer {
  const rest = sizeBytes % BLOCK_BYTES;
  return rest === 0 ? END_OF_ARCHIVE.subarray(0, 0) : END_OF_ARCHIVE.subarray(0, BLOCK_BYTES - rest);
}

/** Equal fields give equal bytes. The member's data and {@link paddingFor} it follow. */
export function encodeHeader(fields: TarHeaderFields): Buffer {
  const path = nameBytes(fields);
  const link = fields.linkNameBytes ?? Buffer.from(fields.linkName ?? '');
  const split = splitPath(path);
  const records = paxRecords(fields, path, link, split === undefined);
  const [prefix, name] = split ?? [Buffer.alloc(0), path.subarray(0, 100)];
  const header = encodeBlock(fields, prefix, name, link.subarray(0, 100));
  return records.size === 0 ? header : Buffer.concat([encodePaxMember(records, path), header]);
}

/** Directories end in a slash. */
function nameBytes(fields: TarHeaderFields): Buffer {
  const path = fields.pathBytes ?? Buffer.from(fields.path);
  const needsSlash = fields.type === 'directory' && path[path.length - 1] !== 0x2f;
  return needsSlash ? Buffer.concat([path, Buffer.from('/')]) : path;
}

/** Prefix and name of a ustar header, or undefined where the path does not fit or is not ASCII. */
function splitPath(path: Buffer): [prefix: Buffer, name: Buffer] | undefined {
  if (!isAscii(path)) return undefined;
  if (path.length <= 100) return [path.subarray(0, 0), path];
  const slash = path.indexOf(0x2f, Math.max(0, path.length - 101));
  if (slash <= 0 || slash > 155 || slash === path.length - 1) return undefined;
  return [path.subarray(0, slash), path.subarray(slash + 1)];
}

function isAscii(bytes: Buffer): boolean {
  // An index is much faster than an iterator here, and this is called for every file.
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] ?? 0;
    if (byte > 126 || byte < 32) return false;
  }
  return true;
}

function paxRecords(
  fields: TarHeaderFields,
  path: Buffer,
  link: Buffer,
  isLongPath: boolean,
): ReadonlyMap<string, Buffer> {
  const records = new Map<string, Buffer>();
  const { uid = 0, gid = 0, sizeBytes = 0, mtimeNs = 0n } = fields;
  if (isLongPath) records.set('path', path);
  if (link.length > 100 || !isAscii(link)) records.set('linkpath', link);
  if (uid > MAXIMUM_OCTAL_7) records.set('uid', Buffer.from(String(uid)));
  if (gid > MAXIMUM_OCTAL_7) records.set('gid', Buffer.from(String(gid)));
  if (sizeBytes > MAXIMUM_OCTAL_11) records.set('size', Buffer.from(String(sizeBytes)));
  if (!fitsOctalTime(mtimeNs)) records.set('mtime', encodePaxTime(mtimeNs));
  for (const [name, value] of fields.xattrs ?? []) records.set(xattrKey(name), value);
  return records;
}

function fitsOctalTime(mtimeNs: bigint): boolean {
  return mtimeNs >= 0n && mtimeNs % NS_PER_SECOND === 0n && mtimeNs / NS_PER_SECOND <= MAXIMUM_OCTAL_11;
}

function encodePaxMember(records: ReadonlyMap<string, Buffer>, path: Buffer): Buffer {
  const data = encodePax(records);
  const base = path.toString('latin1').replace(/\/+$/, '').replace(/^.*\//, '');
  const name = Buffer.from(`PaxHeaders.0/${base.replace(/[^ -~]/g, '_')}`).subarray(0, 100);
  const block = Buffer.alloc(BLOCK_BYTES);
  writeCommon(block, name, 'x', { mode: 0o644, sizeBytes: data.length });
  writeChecksum(block);
  return Buffer.concat([block, data, paddingFor(data.length)]);
}

function encodeBlock(fields: TarHeaderFields, prefix: Buffer, name: Buffer, link: Buffer): Buffer {
  const block = Buffer.alloc(BLOCK_BYTES);
  writeCommon(block, name, FLAGS[fields.type], {
    mode: fields.mode ?? (fields.type === 'directory' ? 0o755 : 0o644),
    sizeBytes: fields.type === 'file' ? (fields.sizeBytes ?? 0) : 0,
    uid: fields.uid ?? 0,
    gid: fields.gid ?? 0,
    seconds: floorSeconds(fields.mtimeNs ?? 0n),
  });
  link.copy(block, 157);
  writeOctal(block, DEVICE_MAJOR, fields.deviceMajor ?? 0);
  writeOctal(block, DEVICE_MINOR, fields.deviceMinor ?? 0);
  prefix.copy(block, 345);
  writeChecksum(block);
  return block;
}

/** Where a number stands in a header (pax(1), "ustar Interchange Format"); a zero byte follows. */
interface NumericField {
  readonly offset: number;
  readonly digits: number;
}

const MODE: NumericField = { offset: 100, digits: 7 };
const UID: NumericField = { offset: 108, digits: 7 };
const GID: NumericField = { offset: 116, digits: 7 };
const SIZE: NumericField = { offset: 124, digits: 11 };
const MTIME: NumericField = { offset: 136, digits: 11 };
const DEVICE_MAJOR: NumericField = { offset: 329, digits: 7 };
const DEVICE_MINOR: NumericField = { offset: 337, digits: 7 };

interface CommonFields {
  readonly mode: number;
  readonly sizeBytes: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly seconds?: number;
}

function writeCommon(block: Buffer, name: Buffer, flag: string, fields: CommonFields): void {
  name.copy(block, 0);
  writeOctal(block, MODE, fields.mode & 0o7777);
  writeOctal(block, UID, fields.uid ?? 0);
  writeOctal(block, GID, fields.gid ?? 0);
  writeOctal(block, SIZE, fields.sizeBytes);
  writeOctal(block, MTIME, fields.seconds ?? 0);
  block.write(flag, 156, 'latin1');
  block.write('ustar\u000000', 257, 'latin1');
}

/** Too large a number is written as zero: the PAX header before has the true one. */
function writeOctal(block: Buffer, { offset, digits }: NumericField, value: number): void {
  const text = (value >= 8 ** digits ? 0 : value).toString(8).padStart(digits, '0');
  block.write(text, offset, digits, 'latin1');
}

function floorSeconds(ns: bigint): number {
  return ns < 0n ? 0 : Number(ns / NS_PER_SECOND);
}

function writeChecksum(block: Buffer): void {
  block.fill(0x20, 148, 156);
  let sum = 0;
  for (let at = 0; at < BLOCK_BYTES; at++) sum += block[at] ?? 0;
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
}
