/** rpm's database in Berkeley DB (systems before 2021): the values of a hash, whatever their keys (db_page.h). */
import { EngineError } from '#base/errors.ts';
import type { FoundFile } from './package-file.ts';

const HASH_MAGIC = 0x06_15_61;
const META_BYTES = 72;
const PAGE_HEADER_BYTES = 26;
/** Types of pages. */
const UNSORTED_HASH = 2;
const OVERFLOW = 7;
const HASH = 13;
/** Types of items. */
const INLINE = 1;
const OFF_PAGE = 3;
const OFF_PAGE_BYTES = 12;
const HEADER_BYTES = 64 << 20;
/** The first value is a number; no header is as small. */
const MINIMUM_BYTES = 16;

/** @throws {EngineError} `invalid` for another form, and for what points out of the file or in circles */
export async function* berkeleyHeaders(file: FoundFile): AsyncGenerator<Buffer, void> {
  const meta = await file.read(0, META_BYTES);
  if (meta.length < META_BYTES || meta.readUInt32LE(12) !== HASH_MAGIC) throw damaged();
  const pageBytes = meta.readUInt32LE(20);
  if (pageBytes < 512 || pageBytes > 65_536 || (pageBytes & (pageBytes - 1)) !== 0) throw damaged();
  const pages = new Pages(file, pageBytes);
  for (let number = 1; number < pages.count; number++) {
    const page = await pages.read(number);
    const type = page[25];
    if (type === HASH || type === UNSORTED_HASH) yield* valuesIn(page, pages);
  }
}

class Pages {
  readonly count: number;
  readonly #file: FoundFile;
  readonly #pageBytes: number;
  #reads = 0;

  constructor(file: FoundFile, pageBytes: number) {
    this.count = Math.floor(file.sizeBytes / pageBytes);
    this.#file = file;
    this.#pageBytes = pageBytes;
  }

  async read(number: number): Promise<Buffer> {
    // Each page is read once as it lies in the file and once in a chain.
    if (++this.#reads > 2 * this.count) throw damaged();
    const page = await this.#file.read(number * this.#pageBytes, this.#pageBytes);
    if (page.length < this.#pageBytes) throw damaged();
    return page;
  }

  /** What is too large for a page, in a chain of pages. */
  async chain(first: number, sizeBytes: number): Promise<Buffer> {
    if (sizeBytes > HEADER_BYTES) throw damaged();
    const parts: Buffer[] = [];
    let left = sizeBytes;
    for (let number = first; left > 0; ) {
      const page = await this.read(number);
      const length = Math.min(page.readUInt16LE(22), left);
      if (page[25] !== OVERFLOW || length === 0) throw damaged();
      parts.push(page.subarray(PAGE_HEADER_BYTES, PAGE_HEADER_BYTES + length));
      left -= length;
      number = page.readUInt32LE(16);
    }
    return Buffer.concat(parts);
  }
}

/** Keys and values take turns; each begins where the one before it ends, from the page's end on. */
async function* valuesIn(page: Buffer, pages: Pages): AsyncGenerator<Buffer, void> {
  const count = page.readUInt16LE(20);
  if (PAGE_HEADER_BYTES + count * 2 > page.length) throw damaged();
  const placeOf = (index: number) => page.readUInt16LE(PAGE_HEADER_BYTES + index * 2);
  for (let index = 1; index < count; index += 2) {
    const [start, end] = [placeOf(index), placeOf(index - 1)];
    if (start >= end || end > page.length) throw damaged();
    const item = page.subarray(start, end);
    if (item[0] === INLINE && item.length > MINIMUM_BYTES) yield item.subarray(1);
    if (item[0] !== OFF_PAGE) continue;
    if (item.length < OFF_PAGE_BYTES) throw damaged();
    yield await pages.chain(item.readUInt32LE(4), item.readUInt32LE(8));
  }
}

function damaged(): EngineError {
  return new EngineError('invalid', 'the database is damaged');
}
