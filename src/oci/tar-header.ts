/**
 * The 512-byte tar header block: POSIX.1-1988 ustar, GNU's and V7's variants (tar(5), "GNU tar internals").
 */
import { EngineError } from '#base/errors.ts';

export const BLOCK_BYTES = 512;

export type TarEntryType = 'file' | 'directory' | 'symlink' | 'hardlink' | 'character' | 'block' | 'fifo';

/** A run of stored bytes in a sparse file; what lies between the runs is zeros. */
export interface SparseRegion {
  readonly offset: number;
  readonly length: number;
}

/** One member of an archive, its extension headers merged in. Names are as stored: not cleaned, not trusted. */
export interface TarEntry {
  readonly path: string;
  /** The name's exact bytes; only where they are not UTF-8 and `path` therefore is not faithful. */
  readonly pathBytes?: Buffer;
  readonly type: TarEntryType;
  /** Permission, set-id and sticky bits only. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Bytes of data stored in the archive; 0 for all but files. */
  readonly sizeBytes: number;
  /** Since the epoch; may be negative. */
  readonly mtimeNs: bigint;
  /** Target of a symlink, or the path of the member that a hardlink repeats; otherwise empty. */
  readonly linkName: string;
  readonly linkNameBytes?: Buffer;
  readonly deviceMajor: number;
  readonly deviceMinor: number;
  readonly xattrs: ReadonlyMap<string, Buffer>;
  /** Only for sparse files: where the stored bytes belong, ascending. */
  readonly sparse?: readonly SparseRegion[];
  /** Only for sparse files: the size of the file once extracted. */
  readonly realSizeBytes?: number;
}

/** The type flags that carry other headers rather than a member. */
export type ExtensionFlag = 'pax' | 'pax-global' | 'long-name' | 'long-link' | 'ignored';

/** The fields of one header block before any extension is applied. */
export interface RawHeader {
  readonly flag: string;
  readonly name: Buffer;
  readonly linkName: Buffer;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly sizeBytes: number;
  readonly mtimeSeconds: number;
  readonly deviceMajor: number;
  readonly deviceMinor: number;
  /** The block itself, for GNU's sparse fields; valid only until the next read. */
  readonly block: Buffer;
}

const TYPES: Readonly<Record<string, TarEntryType>> = {
  '0': 'file',
  '\0': 'file',
  '7': 'file',
  S: 'file',
  '1': 'hardlink',
  '2': 'symlink',
  '3': 'character',
  '4': 'block',
  '5': 'directory',
  '6': 'fifo',
};

const EXTENSIONS: Readonly<Record<string, ExtensionFlag>> = {
  x: 'pax',
  X: 'pax',
  g: 'pax-global',
  L: 'long-name',
  K: 'long-link',
  V: 'ignored',
};

export function extensionOf(flag: string): ExtensionFlag | undefined {
  return EXTENSIONS[flag];
}

/** @throws {EngineError} `invalid` for a type flag that stands for nothing a file system can hold */
export function entryTypeOf(flag: string, name: Buffer): TarEntryType {
  const type = TYPES[flag];
  if (!type) throw malformed(`unknown member type ${JSON.stringify(flag)}`);
  const isOldDirectory = (flag === '\0' || flag === '0') && name[name.length - 1] === 0x2f;
  return isOldDirectory ? 'directory' : type;
}

export function malformed(state: string): EngineError {
  return new EngineError('invalid', `Cannot read tar archive: ${state}`);
}

/** True if all 512 bytes are zero: half of an end-of-archive mark. */
export function isZeroBlock(block: Buffer): boolean {
  for (let index = 0; index < BLOCK_BYTES; index++) if (block[index] !== 0) return false;
  return true;
}

/** @throws {EngineError} `invalid` if the checksum or a number in it is malformed */
export function decodeHeaderBlock(block: Buffer): RawHeader {
  verifyChecksum(block);
  const isUstar = block.toString('latin1', 257, 262) === 'ustar';
  const isGnu = isUstar && block[262] === 0x20;
  return {
    flag: String.fromCharCode(block[156] ?? 0),
    name: fullName(block, isUstar && !isGnu),
    linkName: textField(block, 157, 100),
    mode: decodeNumber(block, 100, 8) & 0o7777,
    uid: decodeNumber(block, 108, 8),
    gid: decodeNumber(block, 116, 8),
    sizeBytes: decodeNumber(block, 124, 12),
    mtimeSeconds: decodeNumber(block, 136, 12),
    deviceMajor: isUstar ? decodeNumber(block, 329, 8) : 0,
    deviceMinor: isUstar ? decodeNumber(block, 337, 8) : 0,
    block,
  };
}

/** A numeric field: octal text, or GNU's base-256 two's complement where the top bit is set. */
export function decodeNumber(block: Buffer, offset: number, length: number): number {
  if (((block[offset] ?? 0) & 0x80) !== 0) return decodeBase256(block, offset, length);
  let value = 0;
  let seenDigit = false;
  for (let index = offset; index < offset + length; index++) {
    const byte = block[index] ?? 0;
    if (byte >= 0x30 && byte <= 0x37) {
      value = value * 8 + (byte - 0x30);
      seenDigit = true;
    } else if (byte === 0 || byte === 0x20) {
      if (seenDigit) break;
    } else throw malformed('a number in a header is not octal');
  }
  return value;
}

function decodeBase256(block: Buffer, offset: number, length: number): number {
  const first = block[offset] ?? 0;
  const isNegative = (first & 0x40) !== 0;
  let value = BigInt(isNegative ? first | ~0xff : first & 0x7f);
  for (let index = offset + 1; index < offset + length; index++)
    value = value * 256n + BigInt(block[index] ?? 0);
  const number = Number(value);
  if (!Number.isSafeInteger(number)) throw malformed('a number in a header is out of range');
  return number;
}

/** Sums as unsigned bytes, or as signed ones as some old writers did; the field itself counts as spaces. */
function verifyChecksum(block: Buffer): void {
  const stored = /^ *([0-7]+)[ \0]*$/.exec(block.toString('latin1', 148, 156))?.[1];
  let sum = 0;
  let high = 0;
  for (let index = 0; index < BLOCK_BYTES; index++) {
    const byte = block[index] ?? 0;
    sum += byte;
    if (byte > 127) high++;
  }
  for (let index = 148; index < 156; index++) {
    const byte = block[index] ?? 0;
    sum += 0x20 - byte;
    if (byte > 127) high--;
  }
  const value = Number.parseInt(stored ?? '', 8);
  if (value !== sum && value !== sum - high * 256) throw malformed('invalid tar header');
}

/** The bytes up to the first NUL, copied. */
function textField(block: Buffer, offset: number, length: number): Buffer {
  let end = offset;
  while (end < offset + length && block[end] !== 0) end++;
  return Buffer.from(block.subarray(offset, end));
}

function fullName(block: Buffer, hasPrefix: boolean): Buffer {
  const name = textField(block, 0, 100);
  if (!hasPrefix || block[345] === 0) return name;
  return Buffer.concat([textField(block, 345, 155), Buffer.from('/'), name]);
}
