/**
 * eStargz (containerd/stargz-snapshotter, docs/estargz.md): a layer whose files can be read one by one. It is gzip in
 * members that each begin with a file's data, then a member with the table of contents, then a footer that says where
 * that is. The archive inside stays as it is, byte for byte.
 */
import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { EngineError } from '#base/errors.ts';
import type { TarEntry, TarEntryType } from '#oci/tar-header.ts';
import { type TarEvent, TarParser } from '#oci/tar-reader.ts';
import { encodeHeader, END_OF_ARCHIVE, paddingFor } from '#oci/tar-writer.ts';

/** As much of a file as one member has. */
const CHUNK_BYTES = 4 << 20;
export const TOC_NAME = 'stargz.index.json';
export const FOOTER_BYTES = 51;
const NANOSECONDS = 1_000_000_000n;

const compress = promisify(gzip);

/** One line of the table; the names are the format's. */
interface TocEntry {
  name: string;
  type: string;
  size?: number;
  modtime?: string;
  linkName?: string;
  mode?: number;
  uid?: number;
  gid?: number;
  /** Of the member in the whole. */
  offset?: number;
  devMajor?: number;
  devMinor?: number;
  /** In base64. */
  xattrs?: Readonly<Record<string, string>>;
  digest?: string;
  chunkOffset?: number;
  /** Absent: to the end of the file. */
  chunkSize?: number;
  chunkDigest?: string;
}

const TYPES: Readonly<Record<TarEntryType, string>> = {
  file: 'reg',
  directory: 'dir',
  symlink: 'symlink',
  hardlink: 'hardlink',
  character: 'char',
  block: 'block',
  fifo: 'fifo',
};

/**
 * @param level zlib's
 * @throws {EngineError} `invalid` for archives that the table cannot tell of: sparse files, names that are no text, and
 *   a file of the table's own name
 */
export async function* encodeEstargz(
  tar: AsyncIterable<Buffer>,
  level: number | undefined,
): AsyncGenerator<Buffer, void> {
  const writer = new EstargzWriter(level);
  const parser = new TarParser();
  for await (const chunk of tar) {
    const base = parser.offset;
    let at = 0;
    parser.push(chunk);
    for (let event = parser.next(); event; event = parser.next()) {
      const to = parser.offset - base;
      // Data is given by the event; all else is taken as it stands there.
      if (event.kind !== 'data') writer.append(chunk.subarray(at, to));
      at = to;
      yield* writer.take(event);
    }
    writer.append(chunk.subarray(at));
  }
  parser.finish();
  yield* writer.end();
}

class EstargzWriter {
  readonly #level: number | undefined;
  readonly #entries: TocEntry[] = [];
  /** What the next member will have. */
  #member: Buffer[] = [];
  #memberBytes = 0;
  /** Compressed, so far. */
  #offset = 0;
  #file: OpenFile | undefined;

  constructor(level: number | undefined) {
    this.#level = level;
  }

  append(bytes: Buffer): void {
    // The source may use its buffer again.
    if (bytes.length > 0) this.#member.push(Buffer.from(bytes));
    this.#memberBytes += bytes.length;
  }

  async *take(event: TarEvent): AsyncGenerator<Buffer, void> {
    if (event.kind === 'entry') yield* this.#begin(event.entry);
    else if (event.kind === 'data') yield* this.#fill(event.data);
    else this.#finish();
  }

  /** The last member, the table and the footer. */
  async *end(): AsyncGenerator<Buffer, void> {
    yield* this.#close();
    const offset = this.#offset;
    const table = Buffer.from(JSON.stringify({ version: 1, entries: this.#entries }, undefined, '\t'));
    this.append(encodeHeader({ ...TABLE_ENTRY, sizeBytes: table.length }));
    this.append(table);
    this.append(paddingFor(table.length));
    this.append(END_OF_ARCHIVE);
    yield* this.#close();
    yield footer(offset);
  }

  async *#begin(entry: TarEntry): AsyncGenerator<Buffer, void> {
    checkEntry(entry);
    const line = lineOf(entry);
    this.#entries.push(line);
    if (entry.type !== 'file') return;
    this.#file = new OpenFile(line, entry.sizeBytes);
    if (entry.sizeBytes > 0) yield* this.#beginChunk(this.#file);
  }

  async *#fill(data: Buffer): AsyncGenerator<Buffer, void> {
    const file = this.#file;
    if (!file) return;
    for (let at = 0; at < data.length; ) {
      if (file.chunkIsFull) {
        file.endChunk();
        this.#entries.push(file.nextChunk());
        yield* this.#beginChunk(file);
      }
      const part = data.subarray(at, at + file.chunkRoom);
      file.update(part);
      this.append(part);
      at += part.length;
    }
  }

  #finish(): void {
    this.#file?.end();
    this.#file = undefined;
  }

  async *#beginChunk(file: OpenFile): AsyncGenerator<Buffer, void> {
    yield* this.#close();
    file.line.offset = this.#offset;
  }

  async *#close(): AsyncGenerator<Buffer, void> {
    if (this.#memberBytes === 0) return;
    const options = this.#level === undefined ? {} : { level: this.#level };
    const member = await compress(Buffer.concat(this.#member), options);
    this.#member = [];
    this.#memberBytes = 0;
    this.#offset += member.length;
    yield member;
  }
}

/** The file whose data is being read. */
class OpenFile {
  /** Of the chunk that is being read. */
  line: TocEntry;
  readonly #first: TocEntry;
  readonly #sizeBytes: number;
  readonly #hash = createHash('sha256');
  #chunkHash = createHash('sha256');
  #chunkBytes = 0;
  #offset = 0;

  constructor(line: TocEntry, sizeBytes: number) {
    this.line = line;
    this.#first = line;
    this.#sizeBytes = sizeBytes;
    if (sizeBytes >= CHUNK_BYTES) line.chunkSize = CHUNK_BYTES;
  }

  get chunkIsFull(): boolean {
    return this.chunkRoom === 0;
  }

  get chunkRoom(): number {
    return CHUNK_BYTES - this.#chunkBytes;
  }

  update(data: Buffer): void {
    this.#hash.update(data);
    this.#chunkHash.update(data);
    this.#chunkBytes += data.length;
    this.#offset += data.length;
  }

  endChunk(): void {
    this.line.chunkDigest = `sha256:${this.#chunkHash.digest('hex')}`;
  }

  nextChunk(): TocEntry {
    const isWhole = this.#sizeBytes - this.#offset >= CHUNK_BYTES;
    this.line = {
      name: this.#first.name,
      type: 'chunk',
      chunkOffset: this.#offset,
      ...(isWhole && { chunkSize: CHUNK_BYTES }),
    };
    this.#chunkHash = createHash('sha256');
    this.#chunkBytes = 0;
    return this.line;
  }

  end(): void {
    if (this.#sizeBytes > 0) this.endChunk();
    this.#first.digest = `sha256:${this.#hash.digest('hex')}`;
  }
}

function checkEntry({ path, pathBytes, linkNameBytes, sparse }: TarEntry): void {
  const problem = sparse
    ? 'is a sparse file'
    : pathBytes || linkNameBytes
      ? 'has a name that is no text'
      : path.replace(/^(?:\.?\/)+/, '') === TOC_NAME
        ? 'is what its table of contents is called'
        : undefined;
  if (problem === undefined) return;
  throw new EngineError('invalid', `Cannot compress layer as estargz: ${JSON.stringify(path)} ${problem}`);
}

function lineOf(entry: TarEntry): TocEntry {
  const { path: name, type, sizeBytes, linkName, mode, uid, gid, deviceMajor, deviceMinor, xattrs } = entry;
  const modtime = dateOf(entry.mtimeNs);
  const hasDevice = type === 'character' || type === 'block';
  const attributes = [...xattrs].map(([key, value]) => [key, value.toString('base64')] as const);
  return {
    name,
    type: TYPES[type],
    ...(sizeBytes > 0 && { size: sizeBytes }),
    ...(modtime !== '' && { modtime }),
    ...(linkName !== '' && { linkName }),
    ...(mode !== 0 && { mode }),
    ...(uid !== 0 && { uid }),
    ...(gid !== 0 && { gid }),
    ...(hasDevice && { devMajor: deviceMajor, devMinor: deviceMinor }),
    ...(attributes.length > 0 && { xattrs: Object.fromEntries(attributes) }),
  };
}

/** RFC 3339, in whole seconds; empty at the epoch. */
function dateOf(mtimeNs: bigint): string {
  const seconds = Number((mtimeNs + NANOSECONDS / 2n) / NANOSECONDS);
  return seconds === 0 ? '' : new Date(seconds * 1000).toISOString().replace('.000Z', 'Z');
}

const TABLE_ENTRY: TarEntry = {
  path: TOC_NAME,
  type: 'file',
  mode: 0,
  uid: 0,
  gid: 0,
  sizeBytes: 0,
  mtimeNs: 0n,
  linkName: '',
  deviceMajor: 0,
  deviceMinor: 0,
  xattrs: new Map(),
};

/** An empty gzip member, uncompressed, whose extra field has the place of the table (RFC 1952). */
function footer(tocOffset: number): Buffer {
  const field = Buffer.from(`${tocOffset.toString(16).padStart(16, '0')}STARGZ`);
  const header = Buffer.from([0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 0xff]);
  const extra = Buffer.from([field.length + 4, 0, 0x53, 0x47, field.length, 0]);
  const emptyBlock = Buffer.from([1, 0, 0, 0xff, 0xff]);
  return Buffer.concat([header, extra, field, emptyBlock, Buffer.alloc(8)]);
}

/** Where the table is; undefined for other bytes. */
export function tocOffsetIn(footerBytes: Buffer): number | undefined {
  const [, digits] = /^([0-9a-f]{16})STARGZ$/.exec(footerBytes.toString('latin1', 16, 38)) ?? [];
  const offset = digits === undefined ? -1 : Number.parseInt(digits, 16);
  return offset >= 0 && footer(offset).equals(footerBytes) ? offset : undefined;
}
