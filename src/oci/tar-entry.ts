/** Merges a header block with the extension headers before it into one {@link TarEntry}. */
import { isUtf8 } from 'node:buffer';
import {
  entryTypeOf,
  malformed,
  type RawHeader,
  type SparseRegion,
  type TarEntry,
  type TarEntryType,
} from './tar-header.ts';
import { type PaxRecords, paxInteger, paxTimeNs } from './tar-pax.ts';
import { regionsFromNumbers } from './tar-sparse.ts';

/** Linux' PATH_MAX. */
const MAXIMUM_NAME_BYTES = 4096;

const NO_XATTRS: ReadonlyMap<string, Buffer> = new Map();

/** The extension headers that apply to the next member. */
export interface PendingExtensions {
  readonly global: PaxRecords | undefined;
  readonly pax: PaxRecords | undefined;
  readonly longName: Buffer | undefined;
  readonly longLink: Buffer | undefined;
}

/** How the data of a member is laid out in the archive. */
export interface MemberLayout {
  /** Bytes of data that follow the header, a map included. */
  readonly storedBytes: number;
  readonly sparse: 'none' | 'old-gnu' | 'known' | 'in-data';
}

/** @throws {EngineError} `invalid` if a name or number cannot be */
export function mergeEntry(header: RawHeader, extensions: PendingExtensions): [TarEntry, MemberLayout] {
  const { pax } = extensions;
  const name = pick(pax, 'GNU.sparse.name') ?? pick(pax, 'path') ?? extensions.longName ?? header.name;
  const type = entryTypeOf(header.flag, name);
  const link = linkOf(type, header, extensions);
  const storedBytes = type === 'file' ? storedSize(header, pax) : 0;
  const layout: MemberLayout = { storedBytes, sparse: type === 'file' ? sparseForm(header, pax) : 'none' };
  const entry: TarEntry = {
    path: decodeName(name),
    ...(isUtf8(name) ? undefined : { pathBytes: name }),
    type,
    mode: header.mode,
    uid: ownerId(numberFrom(extensions, 'uid') ?? header.uid),
    gid: ownerId(numberFrom(extensions, 'gid') ?? header.gid),
    sizeBytes: storedBytes,
    mtimeNs: modificationTime(header, extensions),
    linkName: decodeName(link),
    ...(isUtf8(link) ? undefined : { linkNameBytes: link }),
    deviceMajor: header.deviceMajor,
    deviceMinor: header.deviceMinor,
    xattrs: xattrsOf(extensions),
    ...sparseOf(layout, pax),
  };
  return [entry, layout];
}

function pick(records: PaxRecords | undefined, key: string): Buffer | undefined {
  const value = records?.values.get(key);
  return value && value.length > 0 ? value : undefined;
}

function pickNumber(records: PaxRecords | undefined, key: string): number | undefined {
  const value = pick(records, key);
  return value && paxInteger(value);
}

/** A global header's value holds unless the member's own header says otherwise. */
function pickAny({ pax, global }: PendingExtensions, key: string): Buffer | undefined {
  return pax?.values.has(key) ? pick(pax, key) : pick(global, key);
}

function numberFrom(extensions: PendingExtensions, key: string): number | undefined {
  const value = pickAny(extensions, key);
  return value && paxInteger(value);
}

/** Some systems write the upper half as negative numbers; the highest means nobody to chown(2). */
function ownerId(value: number): number {
  if (value < -(2 ** 31) || value === -1 || value >= 2 ** 32 - 1)
    throw malformed('a uid or gid is out of range');
  return value >>> 0;
}

function storedSize(header: RawHeader, pax: PaxRecords | undefined): number {
  const size = pickNumber(pax, 'size') ?? header.sizeBytes;
  if (size < 0) throw malformed('negative size');
  return size;
}

function modificationTime(header: RawHeader, extensions: PendingExtensions): bigint {
  const value = pickAny(extensions, 'mtime');
  return value ? paxTimeNs(value) : BigInt(header.mtimeSeconds) * 1_000_000_000n;
}

function linkOf(type: TarEntryType, header: RawHeader, { pax, longLink }: PendingExtensions): Buffer {
  if (type !== 'symlink' && type !== 'hardlink') return Buffer.alloc(0);
  return pick(pax, 'linkpath') ?? longLink ?? header.linkName;
}

function decodeName(name: Buffer): string {
  if (name.length > MAXIMUM_NAME_BYTES) throw malformed('name too long');
  if (name.includes(0)) throw malformed('NUL in a name');
  return name.toString();
}

function xattrsOf({ pax, global }: PendingExtensions): ReadonlyMap<string, Buffer> {
  const own = pax?.xattrs;
  const shared = global?.xattrs;
  if (!shared?.size) return own?.size ? own : NO_XATTRS;
  return new Map([...shared, ...(own ?? [])]);
}

function sparseForm(header: RawHeader, pax: PaxRecords | undefined): MemberLayout['sparse'] {
  if (header.flag === 'S') return 'old-gnu';
  if (pickNumber(pax, 'GNU.sparse.major') === 1) return 'in-data';
  return pick(pax, 'GNU.sparse.map') || pick(pax, 'GNU.sparse.size') ? 'known' : 'none';
}

function sparseOf(
  { sparse }: MemberLayout,
  pax: PaxRecords | undefined,
): { sparse?: readonly SparseRegion[]; realSizeBytes?: number } {
  if (sparse !== 'known' && sparse !== 'in-data') return {};
  const realSizeBytes = pickNumber(pax, 'GNU.sparse.realsize') ?? pickNumber(pax, 'GNU.sparse.size') ?? 0;
  return sparse === 'known' ? { sparse: knownRegions(pax), realSizeBytes } : { realSizeBytes };
}

function knownRegions(pax: PaxRecords | undefined): SparseRegion[] {
  const map = pick(pax, 'GNU.sparse.map');
  if (!map) return regionsFromNumbers(pax?.sparseNumbers ?? []);
  return regionsFromNumbers(
    map
      .toString('latin1')
      .split(',')
      .map((text) => paxInteger(Buffer.from(text))),
  );
}
