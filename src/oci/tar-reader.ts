/**
 * A tar parser without I/O: bytes are pushed in, events come out. It never copies file data, so the same parser
 * serves a stream on the event loop and a worker that reads synchronously.
 *
 * ```ts
 * parser.push(chunk);
 * for (let event = parser.next(); event; event = parser.next()) …
 * ```
 */
import { type MemberLayout, mergeEntry } from './tar-entry.ts';
import {
  BLOCK_BYTES,
  decodeHeaderBlock,
  extensionOf,
  type ExtensionFlag,
  isZeroBlock,
  malformed,
  type RawHeader,
  type SparseRegion,
  type TarEntry,
} from './tar-header.ts';
import { decodePax, type PaxRecords } from './tar-pax.ts';
import { decodeOldSparseBlock, decodeOldSparseHeader, SparseMapReader, verifyRegions } from './tar-sparse.ts';

export interface TarLimits {
  /** Default: 2^31. */
  readonly maximumEntries?: number;
}

export type TarEvent =
  | { readonly kind: 'entry'; readonly entry: TarEntry }
  /** `data` is a slice of what was pushed; it belongs at `offset` of the file (sparse files have gaps). */
  | { readonly kind: 'data'; readonly data: Buffer; readonly offset: number }
  /** Follows each entry's data, for entries without data too. */
  | { readonly kind: 'entry-end' };

const MAXIMUM_EXTENSION_BYTES = 1 << 20;
const MAXIMUM_OLD_SPARSE_REGIONS = 1 << 16;
const ENTRY_END: TarEvent = { kind: 'entry-end' };

type State =
  | { readonly at: 'header' }
  | { readonly at: 'extension'; readonly flag: ExtensionFlag; readonly sizeBytes: number }
  | { readonly at: 'old-sparse'; readonly entry: TarEntry; readonly regions: SparseRegion[] }
  | { readonly at: 'sparse-map'; readonly entry: TarEntry; readonly map: SparseMapReader }
  | { readonly at: 'data' }
  | { readonly at: 'padding' }
  | { readonly at: 'ended' };

const HEADER: State = { at: 'header' };
const DATA: State = { at: 'data' };
const PADDING: State = { at: 'padding' };
const ENDED: State = { at: 'ended' };

export class TarParser {
  readonly #maximumEntries: number;
  #state: State = HEADER;
  #chunk: Buffer = Buffer.alloc(0);
  #at = 0;
  /** Where in the archive `#chunk` starts. */
  #base = 0;
  /** Bytes of the block or extension that the earlier chunks ended in. */
  #partial: Buffer | undefined;
  #partialLength = 0;
  #entries = 0;
  #sawZeroBlock = false;
  #global: PaxRecords | undefined;
  #pax: PaxRecords | undefined;
  #longName: Buffer | undefined;
  #longLink: Buffer | undefined;
  #dataLeft = 0;
  #paddingLeft = 0;
  #dataOffset = 0;
  #regions: readonly SparseRegion[] | undefined;
  #region = 0;

  constructor(limits: TarLimits = {}) {
    this.#maximumEntries = limits.maximumEntries ?? 2 ** 31;
  }

  /** True once the end-of-archive mark was read; what follows it is ignored. */
  get ended(): boolean {
    return this.#state.at === 'ended';
  }

  /** Gives more bytes; only after `next` returned undefined. The chunk stays in use until then. */
  push(chunk: Buffer): void {
    this.#base += this.#chunk.length;
    this.#chunk = chunk;
    this.#at = 0;
  }

  /** How far into the archive the parser is; right after an `entry` event, where its data starts. */
  get offset(): number {
    return this.#base + this.#at;
  }

  /**
   * Right after an `entry` event: leaves its data out. For sources that can seek.
   *
   * @returns how many bytes the source must skip before the next push
   */
  skipData(): number {
    const left = this.#dataLeft + this.#paddingLeft;
    const inChunk = Math.min(left, this.#chunk.length - this.#at);
    this.#at += inChunk;
    this.#base += left - inChunk;
    this.#dataLeft = this.#paddingLeft = 0;
    return left - inChunk;
  }

  /**
   * @returns the next event, or undefined when more bytes are needed
   * @throws {EngineError} `invalid` for anything malformed or beyond a limit
   */
  next(): TarEvent | undefined {
    for (;;) {
      const event = this.#step();
      if (event !== 'again') return event;
    }
  }

  /** The input is over. @throws {EngineError} `invalid` if that cuts a member short */
  finish(): void {
    const atBoundary = this.#state.at === 'header' && this.#partialLength === 0 && !this.#hasExtensions();
    if (!atBoundary && !this.ended) throw malformed('unexpected EOF');
  }

  #step(): TarEvent | 'again' | undefined {
    const state = this.#state;
    if (state.at === 'data') return this.#readData();
    if (state.at === 'padding') return this.#skipPadding();
    if (state.at === 'header') return this.#readHeader();
    if (state.at === 'extension') return this.#readExtension(state.flag, state.sizeBytes);
    if (state.at === 'old-sparse') return this.#readOldSparse(state.entry, state.regions);
    if (state.at === 'sparse-map') return this.#readSparseMap(state.entry, state.map);
    this.#at = this.#chunk.length;
    return undefined;
  }

  /** `length` contiguous bytes, in place where one chunk holds them. */
  #take(length: number): Buffer | undefined {
    const available = this.#chunk.length - this.#at;
    if (this.#partialLength === 0 && available >= length) {
      this.#at += length;
      return this.#chunk.subarray(this.#at - length, this.#at);
    }
    if (available === 0) return undefined;
    this.#partial ??= Buffer.allocUnsafe(length);
    const copied = Math.min(available, length - this.#partialLength);
    this.#chunk.copy(this.#partial, this.#partialLength, this.#at, this.#at + copied);
    this.#at += copied;
    this.#partialLength += copied;
    if (this.#partialLength < length) return undefined;
    const whole = this.#partial;
    this.#partial = undefined;
    this.#partialLength = 0;
    return whole;
  }

  #readHeader(): TarEvent | 'again' | undefined {
    const block = this.#take(BLOCK_BYTES);
    if (!block) return undefined;
    if (block[0] === 0 && isZeroBlock(block)) {
      if (this.#sawZeroBlock) this.#state = ENDED;
      this.#sawZeroBlock = true;
      return 'again';
    }
    this.#sawZeroBlock = false;
    const header = decodeHeaderBlock(block);
    const extension = extensionOf(header.flag);
    return extension ? this.#beginExtension(extension, header.sizeBytes) : this.#beginMember(header);
  }

  #beginExtension(flag: ExtensionFlag, sizeBytes: number): 'again' {
    if (sizeBytes < 0 || sizeBytes > MAXIMUM_EXTENSION_BYTES) throw malformed('extended header too large');
    this.#state = { at: 'extension', flag, sizeBytes };
    return 'again';
  }

  #readExtension(flag: ExtensionFlag, sizeBytes: number): 'again' | undefined {
    const padded = sizeBytes === 0 ? Buffer.alloc(0) : this.#take(paddedLength(sizeBytes));
    if (!padded) return undefined;
    const data = padded.subarray(0, sizeBytes);
    if (flag === 'pax') this.#pax = decodePax(data);
    else if (flag === 'pax-global') this.#global = decodePax(data);
    else if (flag === 'long-name') this.#longName = untilNul(data);
    else if (flag === 'long-link') this.#longLink = untilNul(data);
    this.#state = HEADER;
    return 'again';
  }

  #hasExtensions(): boolean {
    return (this.#pax ?? this.#longName ?? this.#longLink) !== undefined;
  }

  #beginMember(header: RawHeader): TarEvent | 'again' {
    if (++this.#entries > this.#maximumEntries) throw malformed(`more than ${this.#maximumEntries} members`);
    const [entry, layout] = mergeEntry(header, {
      global: this.#global,
      pax: this.#pax,
      longName: this.#longName,
      longLink: this.#longLink,
    });
    this.#pax = this.#longName = this.#longLink = undefined;
    this.#beginData(layout);
    return this.#beginLayout(header, entry, layout);
  }

  #beginData({ storedBytes }: MemberLayout): void {
    this.#dataLeft = storedBytes;
    this.#paddingLeft = paddedLength(storedBytes) - storedBytes;
    this.#dataOffset = 0;
    this.#regions = undefined;
    this.#region = 0;
  }

  #beginLayout(header: RawHeader, entry: TarEntry, { sparse }: MemberLayout): TarEvent | 'again' {
    if (sparse === 'known') return this.#beginSparse(entry, entry.sparse ?? []);
    if (sparse === 'old-gnu') return this.#beginOldSparse(header, entry);
    if (sparse === 'in-data') {
      this.#state = { at: 'sparse-map', entry, map: new SparseMapReader() };
      return 'again';
    }
    this.#state = DATA;
    return { kind: 'entry', entry };
  }

  #beginOldSparse(header: RawHeader, entry: TarEntry): TarEvent | 'again' {
    const { regions, isExtended, realSizeBytes } = decodeOldSparseHeader(header.block);
    const whole = { ...entry, realSizeBytes };
    if (!isExtended) return this.#beginSparse(whole, regions);
    this.#state = { at: 'old-sparse', entry: whole, regions };
    return 'again';
  }

  #readOldSparse(entry: TarEntry, regions: SparseRegion[]): TarEvent | 'again' | undefined {
    const block = this.#take(BLOCK_BYTES);
    if (!block) return undefined;
    const more = decodeOldSparseBlock(block);
    regions.push(...more.regions);
    if (regions.length > MAXIMUM_OLD_SPARSE_REGIONS) throw malformed('sparse map too large');
    return more.isExtended ? 'again' : this.#beginSparse(entry, regions);
  }

  #readSparseMap(entry: TarEntry, map: SparseMapReader): TarEvent | 'again' | undefined {
    const block = this.#take(BLOCK_BYTES);
    if (!block) return undefined;
    const regions = map.push(block);
    if (!regions) return 'again';
    this.#dataLeft -= map.lengthBytes;
    return this.#beginSparse({ ...entry, sizeBytes: this.#dataLeft }, regions);
  }

  #beginSparse(entry: TarEntry, regions: readonly SparseRegion[]): TarEvent {
    verifyRegions(regions, entry.sizeBytes, entry.realSizeBytes ?? 0);
    this.#regions = regions;
    this.#state = DATA;
    return { kind: 'entry', entry: { ...entry, sparse: regions } };
  }

  #readData(): TarEvent | undefined {
    if (this.#dataLeft === 0) {
      this.#state = PADDING;
      return ENTRY_END;
    }
    const available = Math.min(this.#chunk.length - this.#at, this.#dataLeft);
    if (available === 0) return undefined;
    return this.#regions
      ? this.#sparseData(this.#regions, available)
      : this.#emit(available, this.#dataOffset);
  }

  /** `#dataOffset` counts within the present region. */
  #sparseData(regions: readonly SparseRegion[], available: number): TarEvent {
    let region = regions[this.#region];
    while (region && this.#dataOffset >= region.length) {
      region = regions[++this.#region];
      this.#dataOffset = 0;
    }
    if (!region) throw malformed('invalid sparse map');
    const length = Math.min(available, region.length - this.#dataOffset);
    return this.#emit(length, region.offset + this.#dataOffset);
  }

  #emit(length: number, offset: number): TarEvent {
    const data = this.#chunk.subarray(this.#at, this.#at + length);
    this.#at += length;
    this.#dataLeft -= length;
    this.#dataOffset += length;
    return { kind: 'data', data, offset };
  }

  #skipPadding(): 'again' | undefined {
    const skipped = Math.min(this.#chunk.length - this.#at, this.#paddingLeft);
    this.#at += skipped;
    this.#paddingLeft -= skipped;
    if (this.#paddingLeft > 0) return undefined;
    this.#state = HEADER;
    return 'again';
  }
}

function paddedLength(sizeBytes: number): number {
  return Math.ceil(sizeBytes / BLOCK_BYTES) * BLOCK_BYTES;
}

function untilNul(data: Buffer): Buffer {
  const end = data.indexOf(0);
  return Buffer.from(end < 0 ? data : data.subarray(0, end));
}
