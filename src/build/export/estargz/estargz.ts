/**
 * eStargz (containerd/stargz-snapshotter, docs/estargz.md): a layer whose files can be read one by one. It is gzip in
 * members that each begin with a file's data, then a member with the table of contents, then a footer that says where
 * that is. The archive inside stays as it is, byte for byte.
 */
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { TarEntry } from '#oci/tar-header.ts';
import { type TarEvent, TarParser } from '#oci/tar-reader.ts';
import { encodeHeader, END_OF_ARCHIVE, paddingFor } from '#oci/tar-writer.ts';
import { estargzFooter } from './estargz-footer.ts';
import { checkEntry, FileChunks, lineOf, TOC_NAME, type TocEntry } from './estargz-toc.ts';

const compress = promisify(gzip);

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
  #file: FileChunks | undefined;

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
    yield estargzFooter(offset);
  }

  async *#begin(entry: TarEntry): AsyncGenerator<Buffer, void> {
    checkEntry(entry);
    const line = lineOf(entry);
    this.#entries.push(line);
    if (entry.type !== 'file') return;
    this.#file = new FileChunks(line, entry.sizeBytes);
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

  async *#beginChunk(file: FileChunks): AsyncGenerator<Buffer, void> {
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
